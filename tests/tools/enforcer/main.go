// Enforces NetworkPolicies between the pods of a lab's node: what a network plugin would do, decided by cyclonus' matcher and so by nobody of
// ours. It watches the cluster, asks the matcher about every pair of pods and every port that a pod declares, and has the kernel drop what is
// denied, by a set of nftables in the node's forward chain.
//
// It is started in the node's network, with KUBECONFIG. A policy with the annotation sidelights.test/not-enforced is passed over: a network plugin
// that has missed one. What it has done is said on standard output, a line of JSON each time. With its end everything is open again.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// What changes together is looked at together.
const gather = 20 * time.Millisecond

// said is what was put in force, and when.
type said struct {
	At       time.Time `json:"at"`
	Policies int       `json:"policies"`
	Pods     int       `json:"pods"`
	Denied   int       `json:"denied"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := enforce(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "enforcer:", err)
		os.Exit(1)
	}
}

func enforce(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	cluster, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	watched, err := watch(ctx, cluster)
	if err != nil {
		return err
	}
	if err := begin(); err != nil {
		return err
	}
	defer end()
	var before []string
	for {
		state := watched.state()
		denied, err := state.denied()
		if err != nil {
			return err
		}
		if !slices.Equal(denied, before) {
			if err := write(denied); err != nil {
				return err
			}
		}
		before = denied
		line, err := json.Marshal(said{time.Now().UTC(), len(state.policies), len(state.pods), len(denied)})
		if err != nil {
			return err
		}
		fmt.Println(string(line))
		if !watched.change(ctx) {
			return nil
		}
	}
}
