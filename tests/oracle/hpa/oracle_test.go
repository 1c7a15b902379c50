package hpa

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/component-base/featuregate"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	metricsclient "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

var (
	in    = flag.String("in", "", "scenarios, one a line; - is the standard input")
	timed = flag.Bool("timed", false, "tell how long each sync took, in the machine's nanoseconds")
	out   = flag.String("out", "", "what the controller made of them, one a line; - is the standard output")
)

const namespace = "default"

// TestOracle plays each scenario in a bubble of its own, in which it is the year 2000 and sleeping takes no time.
func TestOracle(t *testing.T) {
	if *in == "" || *out == "" {
		t.Skip("no -in and -out given")
	}
	// It keeps the time of the last error, and would have the first one of the next bubble wait for decades.
	utilruntime.ErrorHandlers = nil
	klog.SetLogger(logr.Discard())
	source, target := os.Stdin, os.Stdout
	var err error
	if *in != "-" {
		if source, err = os.Open(*in); err != nil {
			t.Fatal(err)
		}
	}
	if *out != "-" {
		if target, err = os.Create(*out); err != nil {
			t.Fatal(err)
		}
	}
	version := kubernetesVersion()
	reader, writer := bufio.NewReader(source), bufio.NewWriter(target)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		scenario := &Scenario{}
		if err := scenario.read(line); err != nil {
			t.Fatal(err)
		}
		outcome := Outcome{Name: scenario.Name, Version: version}
		synctest.Test(t, func(*testing.T) { outcome.Records = play(scenario) })
		if err := encoder.Encode(outcome); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(writer.Flush(), target.Close()); err != nil {
		t.Fatal(err)
	}
}

//go:embed go.mod
var module string

func kubernetesVersion() string {
	for line := range strings.Lines(module) {
		if fields := strings.Fields(line); len(fields) == 2 && fields[0] == "k8s.io/kubernetes" {
			return fields[1]
		}
	}
	return "unknown"
}

// mapper knows the kinds that a scenario may scale.
func mapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{appsv1.SchemeGroupVersion, v1.SchemeGroupVersion})
	for _, kind := range []string{"Deployment", "StatefulSet", "ReplicaSet"} {
		mapper.Add(appsv1.SchemeGroupVersion.WithKind(kind), meta.RESTScopeNamespace)
	}
	mapper.Add(v1.SchemeGroupVersion.WithKind("ReplicationController"), meta.RESTScopeNamespace)
	return mapper
}

// openGates sets those of the scenario's gates that this version has and lets one set; the rest are at their defaults.
func openGates(gates map[string]bool) {
	// What it would skip depends on resource versions, which nobody writes here.
	wanted := map[string]bool{"StaleControllerConsistencyHPA": false}
	for name, open := range gates {
		wanted[name] = open
	}
	for name, open := range wanted {
		spec, found := knownGates()[featuregate.Feature(name)]
		if !found || spec.LockToDefault || utilfeature.DefaultFeatureGate.Enabled(featuregate.Feature(name)) == open {
			continue
		}
		if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{name: open}); err != nil {
			panic(err)
		}
	}
}

// knownGates is asked for at every scenario, and takes longer than a sync.
var knownGates = sync.OnceValue(func() map[featuregate.Feature]featuregate.FeatureSpec {
	return utilfeature.DefaultMutableFeatureGate.GetAll()
})

func play(scenario *Scenario) (records []Record) {
	// Before anything ticks: years would be slept through tick by tick.
	time.Sleep(time.Duration(scenario.Begin))
	openGates(scenario.Gates)
	listener := &listener{}
	ctx, cancel := context.WithCancel(klog.NewContext(context.Background(), logr.New(listener)))
	world := &world{scales: map[string]*autoscalingv1.Scale{}}
	factory := informers.NewSharedInformerFactory(nil, 0)
	hpas, pods := factory.Autoscaling().V2().HorizontalPodAutoscalers(), factory.Core().V1().Pods()
	settings := scenario.Settings
	controller := podautoscaler.NewHorizontalController(ctx, sink{}, world, world, mapper(),
		metricsclient.NewRESTMetricsClient(world, custom{world}, external{world}), hpas, pods, 15*time.Second,
		time.Duration(settings.DownscaleStabilization), settings.Tolerance, time.Duration(settings.CPUInitialization),
		time.Duration(settings.InitialReadiness))
	shutdown := setRecorder(controller, recorder{world})
	// The queue's and the broadcaster's goroutines have to end with the bubble.
	defer func() {
		cancel()
		shutdown()
		controller.Run(ctx, 0)
		time.Sleep(time.Minute)
	}()

	for index := range scenario.Steps {
		step := &scenario.Steps[index]
		time.Sleep(time.Duration(step.After))
		key := namespace + "/" + step.Key
		present := stored(hpas.Informer().GetStore().GetByKey(key))
		if step.Delete {
			if present != nil {
				_ = hpas.Informer().GetStore().Delete(present)
				deleteHPA(controller, present)
				present = nil
			}
		} else if step.HPA != nil {
			hpa := step.HPA
			hpa.Namespace, hpa.Name = namespace, step.Key
			if present != nil {
				hpa.Status = present.Status
			}
			_ = hpas.Informer().GetStore().Add(hpa)
			enqueueHPA(controller, hpa)
			present = hpa
		}
		if step.Status != nil && present != nil {
			present.Status = *step.Status
		}
		if scenario.Follow {
			for _, scale := range world.scales {
				scale.Status.Replicas = scale.Spec.Replicas
			}
		}
		if step.Scale != nil {
			world.scales[step.Scale.Name] = step.Scale
		}
		if step.Pods != nil {
			list := make([]interface{}, len(*step.Pods))
			for index := range *step.Pods {
				pod := &(*step.Pods)[index]
				pod.Namespace = namespace
				list[index] = pod
			}
			_ = pods.Informer().GetStore().Replace(list, "")
		}
		if step.Metrics != nil {
			world.metrics = *step.Metrics
		}
		if step.Memory != nil {
			remember(controller, key, step.Memory)
		}
		world.getError, world.putErrors = step.GetError, step.PutErrors
		records = append(records, syncOnce(ctx, controller, world, listener, key, present))
	}
	return records
}

func stored(object interface{}, found bool, _ error) *autoscalingv2.HorizontalPodAutoscaler {
	if !found {
		return nil
	}
	return object.(*autoscalingv2.HorizontalPodAutoscaler)
}

func syncOnce(ctx context.Context, controller *podautoscaler.HorizontalController, world *world, listener *listener, key string,
	hpa *autoscalingv2.HorizontalPodAutoscaler) (record Record) {
	world.put, world.written, world.events = nil, nil, nil
	listener.wish, listener.metric = nil, ""
	var before *autoscalingv1.Scale
	if hpa != nil {
		if scale, found := world.scales[hpa.Spec.ScaleTargetRef.Name]; found {
			before = scale.DeepCopy()
		}
	}
	// Beforehand: writing the scale again after a conflict takes a while, and a pod may come of age meanwhile.
	var proposals []Proposal
	if before != nil {
		proposals = propose(ctx, controller, world, hpa, before)
	}
	start := nanotime()
	_, err := reconcileKey(controller, ctx, key)
	if *timed {
		record.Took = nanotime() - start
	}
	if err != nil {
		record.Error = err.Error()
	}
	record.Wish, record.Metric, record.Events = listener.wish, listener.metric, world.events
	if world.put != nil {
		record.Put, record.PutAt = world.put, world.putAt.UnixNano()
	}
	remembered(controller, key, &record)
	if hpa == nil {
		return record
	}
	if record.Wish != nil {
		record.Proposals = proposals
	}
	if world.written != nil {
		record.Written = true
		hpa.Status = throughJSON(*world.written)
	}
	record.Status = hpa.Status.DeepCopy()
	return record
}

// propose asks for each metric's proposal by itself, at the instant of the sync. Only events would tell of it.
func propose(ctx context.Context, controller *podautoscaler.HorizontalController, world *world, hpa *autoscalingv2.HorizontalPodAutoscaler,
	scale *autoscalingv1.Scale) (proposals []Proposal) {
	world.deaf = true
	defer func() { world.deaf = false }()
	selector, err := labels.Parse(scale.Status.Selector)
	if err != nil {
		return nil
	}
	for _, spec := range hpa.Spec.Metrics {
		replicas, name, _, _, err := computeReplicasForMetric(controller, ctx, hpa.DeepCopy(), spec, scale.Spec.Replicas,
			scale.Status.Replicas, selector, &autoscalingv2.MetricStatus{})
		proposal := Proposal{Replicas: replicas, Name: name}
		if err != nil {
			proposal.Error = err.Error()
		}
		proposals = append(proposals, proposal)
	}
	return proposals
}

// throughJSON is what an API server and an informer would give back.
func throughJSON(status autoscalingv2.HorizontalPodAutoscalerStatus) (back autoscalingv2.HorizontalPodAutoscalerStatus) {
	text, err := json.Marshal(status)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		panic(err)
	}
	return back
}

// listener hears the raw wish, which the controller only logs.
type listener struct {
	wish   *int32
	metric string
}

func (*listener) Init(logr.RuntimeInfo) {}

func (*listener) Enabled(int) bool { return true }

func (listener *listener) Info(_ int, message string, pairs ...interface{}) {
	if !strings.HasPrefix(message, "Proposing desired replicas") {
		return
	}
	for index := 0; index+1 < len(pairs); index += 2 {
		switch value := pairs[index+1].(type) {
		case int32:
			listener.wish = &value
		case string:
			if pairs[index] == "metric" {
				listener.metric = value
			}
		}
	}
}

func (*listener) Error(error, string, ...interface{}) {}

func (listener *listener) WithValues(...interface{}) logr.LogSink { return listener }

func (listener *listener) WithName(string) logr.LogSink { return listener }
