//go:build tools

// Package tools names the programs that tests/tools/build makes from this part.
package tools

import _ "github.com/prometheus/alertmanager/cmd/alertmanager"
