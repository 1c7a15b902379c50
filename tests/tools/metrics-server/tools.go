//go:build tools

// Package tools names the programs that tests/tools/build makes from this part.
package tools

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
