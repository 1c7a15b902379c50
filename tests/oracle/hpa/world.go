package hpa

import (
	"context"
	"errors"
	"fmt"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	v1core "k8s.io/client-go/kubernetes/typed/core/v1"
	scaleclient "k8s.io/client-go/scale"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	resourcemetrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"
	customclient "k8s.io/metrics/pkg/client/custom_metrics"
	externalclient "k8s.io/metrics/pkg/client/external_metrics"
)

// world is everything that the controller asks, tells and writes to. It answers from the scenario's present step.
type world struct {
	metrics   Metrics
	scales    map[string]*autoscalingv1.Scale
	getError  string
	putErrors []string

	put     *int32
	putAt   time.Time
	written *autoscalingv2.HorizontalPodAutoscalerStatus
	events  []Event
	deaf    bool
}

// Each interface is answered by a view of the world of its own, and has only the methods that the controller calls.
type (
	autoscalers struct {
		autoscalingclient.HorizontalPodAutoscalerInterface
		world *world
	}
	scales struct {
		scaleclient.ScaleInterface
		world *world
	}
	podMetrics struct {
		resourceclient.PodMetricsInterface
		world *world
	}
	custom   struct{ world *world }
	external struct{ world *world }
	recorder struct{ world *world }
	sink     struct{}
)

func (sink) Events(string) v1core.EventInterface { return nil }

func (world *world) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return autoscalers{world: world}
}

func (world *world) Scales(string) scaleclient.ScaleInterface { return scales{world: world} }

func (world *world) PodMetricses(string) resourceclient.PodMetricsInterface {
	return podMetrics{world: world}
}

// UpdateStatus keeps what the API server would: the times of a status have whole seconds there.
func (view autoscalers) UpdateStatus(_ context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	view.world.written = hpa.Status.DeepCopy()
	return hpa, nil
}

func (view scales) Get(_ context.Context, _ schema.GroupResource, name string, _ metav1.GetOptions) (*autoscalingv1.Scale, error) {
	if view.world.getError != "" {
		return nil, errors.New(view.world.getError)
	}
	scale, found := view.world.scales[name]
	if !found {
		return nil, fmt.Errorf("deployments.apps %q not found", name)
	}
	return scale.DeepCopy(), nil
}

func (view scales) Update(_ context.Context, resource schema.GroupResource, scale *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	replicas := scale.Spec.Replicas
	view.world.put, view.world.putAt = &replicas, time.Now()
	if len(view.world.putErrors) > 0 {
		text := view.world.putErrors[0]
		view.world.putErrors = view.world.putErrors[1:]
		if text == "conflict" {
			return nil, apierrors.NewConflict(resource, scale.Name, errors.New("the object has been modified"))
		}
		return nil, errors.New(text)
	}
	view.world.scales[scale.Name] = scale.DeepCopy()
	return scale, nil
}

func (view podMetrics) List(context.Context, metav1.ListOptions) (*resourcemetrics.PodMetricsList, error) {
	answer := view.world.metrics.Resource
	if answer == nil {
		return nil, errors.New("the server could not find the requested resource")
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return &resourcemetrics.PodMetricsList{Items: answer.Items}, nil
}

func (view custom) RootScopedMetrics() customclient.MetricsInterface { return view }

func (view custom) NamespacedMetrics(string) customclient.MetricsInterface { return view }

func (view custom) GetForObject(kind schema.GroupKind, name, metric string, _ labels.Selector) (*custommetrics.MetricValue, error) {
	answer, found := view.world.metrics.Objects[metric]
	switch {
	case !found:
		return nil, fmt.Errorf("the server could not find the metric %s for %s %s", metric, kind, name)
	case answer.Error != "":
		return nil, errors.New(answer.Error)
	case len(answer.Items) != 1:
		return nil, fmt.Errorf("the custom metrics API server returned %v results when we asked for exactly one", len(answer.Items))
	}
	return &answer.Items[0], nil
}

func (view custom) GetForObjects(kind schema.GroupKind, _ labels.Selector, metric string, _ labels.Selector) (*custommetrics.MetricValueList, error) {
	answer, found := view.world.metrics.Pods[metric]
	switch {
	case !found:
		return nil, fmt.Errorf("the server could not find the metric %s for %s", metric, kind)
	case answer.Error != "":
		return nil, errors.New(answer.Error)
	}
	return &custommetrics.MetricValueList{Items: answer.Items}, nil
}

func (view external) NamespacedMetrics(string) externalclient.MetricsInterface { return view }

func (view external) List(metric string, _ labels.Selector) (*externalmetrics.ExternalMetricValueList, error) {
	answer, found := view.world.metrics.External[metric]
	switch {
	case !found:
		return nil, fmt.Errorf("the server could not find the metric %s", metric)
	case answer.Error != "":
		return nil, errors.New(answer.Error)
	}
	return &externalmetrics.ExternalMetricValueList{Items: answer.Items}, nil
}

func (view recorder) Event(_ runtime.Object, kind, reason, message string) {
	if !view.world.deaf {
		view.world.events = append(view.world.events, Event{kind, reason, message})
	}
}

func (view recorder) Eventf(object runtime.Object, kind, reason, format string, arguments ...interface{}) {
	view.Event(object, kind, reason, fmt.Sprintf(format, arguments...))
}

func (view recorder) AnnotatedEventf(object runtime.Object, _ map[string]string, kind, reason, format string, arguments ...interface{}) {
	view.Eventf(object, kind, reason, format, arguments...)
}
