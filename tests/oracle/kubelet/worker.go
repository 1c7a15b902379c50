// Package kubelet lets the kubelet's own probe worker run against made-up containers, and writes down what it did.
//
// The worker is not exported. It is reached by its linker symbols, and its fields through a struct of the same
// shape; both hold for the one version of k8s.io/kubernetes that go.mod names.
package kubelet

import (
	"context"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-base/metrics"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/kubelet/prober"
	"k8s.io/kubernetes/pkg/kubelet/prober/results"
)

// worker has the shape of prober.worker.
type worker struct {
	stopCh          chan struct{}
	manualTriggerCh chan struct{}
	pod             *v1.Pod
	container       v1.Container
	spec            *v1.Probe
	probeType       int
	initialValue    results.Result
	resultsManager  results.Manager
	probeManager    unsafe.Pointer
	containerID     kubecontainer.ContainerID
	lastResult      results.Result
	resultRun       int
	onHold          bool

	successfulLabels, failedLabels, unknownLabels, successfulDurationLabels, unknownDurationLabels metrics.Labels
}

//go:linkname newWorker k8s.io/kubernetes/pkg/kubelet/prober.newWorker
func newWorker(manager unsafe.Pointer, probeType int, pod *v1.Pod, container v1.Container) *worker

//go:linkname run k8s.io/kubernetes/pkg/kubelet/prober.(*worker).run
func run(worker *worker, ctx context.Context)

//go:linkname stop k8s.io/kubernetes/pkg/kubelet/prober.(*worker).stop
func stop(worker *worker)

// managerPointer gives the *manager inside the interface.
func managerPointer(manager prober.Manager) unsafe.Pointer {
	type iface struct{ table, data unsafe.Pointer }
	return (*iface)(unsafe.Pointer(&manager)).data
}
