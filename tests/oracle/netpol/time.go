package main

import (
	"encoding/json"
	"os"
	"syscall"
	"time"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	networkingv1 "k8s.io/api/networking/v1"
)

// measured is a cluster and connections to ask cyclonus about, over TCP.
type measured struct {
	Scenario
	Queries []struct {
		Source, Destination int
		Port                int32
	} `json:"queries"`
}

// measure reads a cluster, and writes cyclonus' verdicts and the processor time that they took.
func measure(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var cluster measured
	if err := json.Unmarshal(text, &cluster); err != nil {
		return err
	}
	var policies []*networkingv1.NetworkPolicy
	for _, policy := range cluster.Policies {
		policies = append(policies, defaulted(policy))
	}
	start := used()
	built := matcher.BuildNetworkPolicies(false, policies)
	ready := used()
	verdicts := make([]byte, 0, len(cluster.Queries))
	for _, query := range cluster.Queries {
		source, destination := end{pod: &cluster.Pods[query.Source]}, end{pod: &cluster.Pods[query.Destination]}
		verdict := byte('D')
		if ask(&cluster.Scenario, built, source, destination, "v4", "TCP", query.Port) {
			verdict = 'A'
		}
		verdicts = append(verdicts, verdict)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"verdicts":      string(verdicts),
		"build_seconds": (ready - start).Seconds(),
		"query_seconds": (used() - ready).Seconds(),
	})
}

// used is the time that this process has spent on processors, its collector of garbage too.
func used() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
