package kubelet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/kubelet/prober"
	"k8s.io/kubernetes/pkg/kubelet/prober/results"
	"k8s.io/kubernetes/pkg/kubelet/status"
	utilexec "k8s.io/utils/exec"
)

var (
	out   = flag.String("out", "", "file to write the corpus to")
	count = flag.Int64("count", 250, "scenarios to write")
)

// TestCorpus runs each scenario in a bubble of its own, where sleeping costs no time.
func TestCorpus(t *testing.T) {
	if *out == "" {
		t.Skip("no -out given")
	}
	// The kubelet says of each failing probe that it failed.
	klog.SetLogger(logr.Discard())
	file, err := os.Create(*out)
	if err != nil {
		t.Fatal(err)
	}
	writer := bufio.NewWriter(file)
	encoder := json.NewEncoder(writer)
	for seed := int64(1); seed <= *count; seed++ {
		scenario := invent(seed)
		synctest.Test(t, func(t *testing.T) { play(scenario) })
		if err := encoder.Encode(scenario); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(writer.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
}

// stage is everything that the worker asks or tells.
type stage struct {
	status.Manager
	scenario *Scenario
	start    time.Time
	pod      *v1.Pod
	worker   *worker
	results  results.Manager
	probes   int
	tries    int
}

func play(scenario *Scenario) {
	stage := &stage{scenario: scenario, results: results.NewManager()}
	manager := prober.NewManager(stage, stage.results, stage.results, stage.results, stage, &record.FakeRecorder{})
	time.Sleep(time.Duration(-scenario.KubeletStarted) * time.Millisecond)
	stage.start = time.Now()
	stage.pod = pod(scenario)
	container := stage.pod.Spec.Containers[0]
	if scenario.Sidecar {
		always := v1.ContainerRestartPolicyAlways
		container.RestartPolicy = &always
		stage.pod.Spec.InitContainers = []v1.Container{container}
	}
	kinds := map[string]int{"Liveness": 0, "Readiness": 1, "Startup": 2}
	stage.worker = newWorker(managerPointer(manager), kinds[scenario.ProbeType], stage.pod, container)

	done := make(chan struct{})
	go func() {
		run(stage.worker, context.Background())
		ended := stage.now()
		if ended <= scenario.Until {
			scenario.EndedAt = &ended
		}
		close(done)
	}()
	go func() {
		for _, at := range scenario.Triggers {
			time.Sleep(time.Until(stage.start.Add(time.Duration(at) * time.Millisecond)))
			select {
			case stage.worker.manualTriggerCh <- struct{}{}:
			default:
			}
		}
	}()
	time.Sleep(time.Duration(scenario.Until+1) * time.Millisecond)
	stop(stage.worker)
	<-done
	// What still happened after the end depends on which of two channels Go chose.
	probes := 0
	for index, step := range scenario.Steps {
		if step.At > scenario.Until {
			scenario.Steps = scenario.Steps[:index]
			break
		}
		if step.Probed {
			probes++
		}
	}
	scenario.Probes = scenario.Probes[:probes]
}

func pod(scenario *Scenario) *v1.Pod {
	probe := &v1.Probe{
		ProbeHandler:        v1.ProbeHandler{Exec: &v1.ExecAction{Command: []string{"probe"}}},
		InitialDelaySeconds: scenario.InitialDelay,
		TimeoutSeconds:      1,
		PeriodSeconds:       scenario.PeriodSeconds,
		SuccessThreshold:    scenario.SuccessThreshold,
		FailureThreshold:    scenario.FailureThreshold,
	}
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: "oracle", UID: "uid"},
		Spec: v1.PodSpec{
			RestartPolicy: v1.RestartPolicy(scenario.RestartPolicy),
			Containers:    []v1.Container{{Name: "server", LivenessProbe: probe, ReadinessProbe: probe, StartupProbe: probe}},
		},
	}
}

func (stage *stage) now() int64 { return time.Since(stage.start).Milliseconds() }

func (stage *stage) at(milliseconds int64) metav1.Time {
	return metav1.NewTime(stage.start.Add(time.Duration(milliseconds) * time.Millisecond))
}

// GetPodStatus is the first thing that doProbe asks for, so it marks a step.
func (stage *stage) GetPodStatus(types.UID) (v1.PodStatus, bool) {
	scenario, now := stage.scenario, stage.now()
	step := Step{At: now, Last: stage.worker.lastResult.String(), Run: stage.worker.resultRun, Hold: stage.worker.onHold}
	if result, ok := stage.results.Get(stage.worker.containerID); ok {
		step.Cached = result.String()
	}
	scenario.Steps = append(scenario.Steps, step)
	for len(stage.results.Updates()) > 0 {
		<-stage.results.Updates()
	}
	if scenario.DeletedAt != nil && now >= *scenario.DeletedAt && stage.pod.DeletionTimestamp == nil {
		deleted := stage.at(*scenario.DeletedAt)
		stage.pod.DeletionTimestamp = &deleted
	}
	var current Container
	for _, container := range scenario.Containers {
		if container.From <= now {
			current = container
		}
	}
	if current.ID == 0 {
		return v1.PodStatus{Phase: v1.PodPending}, true
	}
	started := current.Started
	status := v1.ContainerStatus{Name: "server", ContainerID: fmt.Sprintf("containerd://%d", current.ID), Started: &started}
	switch current.State {
	case "running":
		status.State.Running = &v1.ContainerStateRunning{StartedAt: stage.at(current.StartedAt)}
	case "waiting":
		status.State.Waiting = &v1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
	case "terminated":
		status.State.Terminated = &v1.ContainerStateTerminated{ExitCode: 1}
	}
	return v1.PodStatus{Phase: v1.PodRunning, ContainerStatuses: []v1.ContainerStatus{status}}, true
}

// RunInContainer is the probe. After an error the kubelet tries twice more: that counts as one.
func (stage *stage) RunInContainer(context.Context, kubecontainer.ContainerID, []string, time.Duration) ([]byte, error) {
	stage.scenario.Steps[len(stage.scenario.Steps)-1].Probed = true
	probe := stage.scenario.Probes[stage.probes]
	stage.tries++
	if probe.Result != "Error" || stage.tries == 3 {
		stage.probes, stage.tries = stage.probes+1, 0
	}
	time.Sleep(time.Duration(probe.Busy) * time.Millisecond)
	switch probe.Result {
	case "Success":
		return nil, nil
	case "Failure":
		return nil, utilexec.CodeExitError{Err: errors.New("unhealthy"), Code: 1}
	default:
		return nil, errors.New("no runtime")
	}
}
