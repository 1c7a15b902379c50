package hpa

import (
	"context"
	"reflect"
	"time"
	"unsafe"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/record"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
)

// What is not exported is reached by its linker symbol, and fields by their names: this holds for the versions that the
// README lists, and the build or the first scenario fails where it does not.

//go:linkname reconcileKey k8s.io/kubernetes/pkg/controller/podautoscaler.(*HorizontalController).reconcileKey
func reconcileKey(controller *podautoscaler.HorizontalController, ctx context.Context, key string) (bool, error)

//go:linkname enqueueHPA k8s.io/kubernetes/pkg/controller/podautoscaler.(*HorizontalController).enqueueHPA
func enqueueHPA(controller *podautoscaler.HorizontalController, object interface{})

//go:linkname deleteHPA k8s.io/kubernetes/pkg/controller/podautoscaler.(*HorizontalController).deleteHPA
func deleteHPA(controller *podautoscaler.HorizontalController, object interface{})

//go:linkname computeReplicasForMetric k8s.io/kubernetes/pkg/controller/podautoscaler.(*HorizontalController).computeReplicasForMetric
func computeReplicasForMetric(controller *podautoscaler.HorizontalController, ctx context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler,
	spec autoscalingv2.MetricSpec, specReplicas, statusReplicas int32, selector labels.Selector, status *autoscalingv2.MetricStatus) (int32, string,
	time.Time, autoscalingv2.HorizontalPodAutoscalerCondition, error)

// nanotime is the machine's clock, also where it is the year 2000.
//
//go:linkname nanotime runtime.nanotime
func nanotime() int64

// field gives a settable view of a private field.
func field(controller *podautoscaler.HorizontalController, name string) reflect.Value {
	value := reflect.ValueOf(controller).Elem().FieldByName(name)
	return reflect.NewAt(value.Type(), unsafe.Pointer(value.UnsafeAddr())).Elem()
}

// setRecorder gives the end of the broadcaster behind the recorder that was there: in 1.30 the end of its context does not bring it.
func setRecorder(controller *podautoscaler.HorizontalController, recorder record.EventRecorder) (shutdown func()) {
	own := field(controller, "eventRecorder")
	shutdown = own.Interface().(interface{ Shutdown() }).Shutdown
	own.Set(reflect.ValueOf(recorder))
	return shutdown
}

// remembered reads the memory that the controller keeps for a key.
func remembered(controller *podautoscaler.HorizontalController, key string, into *Record) {
	for _, entry := range entries(controller, "recommendations", key) {
		into.Recommendations = append(into.Recommendations, [2]int64{entry.FieldByName("recommendation").Int(), moment(entry)})
	}
	into.Ups = scaleEvents(controller, "scaleUpEvents", key)
	into.Downs = scaleEvents(controller, "scaleDownEvents", key)
}

func scaleEvents(controller *podautoscaler.HorizontalController, name, key string) (events [][3]int64) {
	for _, entry := range entries(controller, name, key) {
		outdated := int64(0)
		if entry.FieldByName("outdated").Bool() {
			outdated = 1
		}
		events = append(events, [3]int64{entry.FieldByName("replicaChange").Int(), moment(entry), outdated})
	}
	return events
}

func entries(controller *podautoscaler.HorizontalController, name, key string) (entries []reflect.Value) {
	list := field(controller, name).MapIndex(reflect.ValueOf(key))
	if !list.IsValid() {
		return nil
	}
	for index := range list.Len() {
		entries = append(entries, list.Index(index))
	}
	return entries
}

// remember puts a memory in the place of the controller's own.
func remember(controller *podautoscaler.HorizontalController, key string, memory *Memory) {
	fill(controller, "recommendations", key, len(memory.Recommendations), func(index int, entry reflect.Value) {
		told := memory.Recommendations[index]
		inside(entry, "recommendation").SetInt(told[0])
		inside(entry, "timestamp").Set(reflect.ValueOf(time.Unix(0, told[1])))
	})
	for name, events := range map[string][][3]int64{"scaleUpEvents": memory.Ups, "scaleDownEvents": memory.Downs} {
		fill(controller, name, key, len(events), func(index int, entry reflect.Value) {
			told := events[index]
			inside(entry, "replicaChange").SetInt(told[0])
			inside(entry, "timestamp").Set(reflect.ValueOf(time.Unix(0, told[1])))
			inside(entry, "outdated").SetBool(told[2] != 0)
		})
	}
}

// fill makes a list of the memory anew. One without entries is none.
func fill(controller *podautoscaler.HorizontalController, name, key string, count int, set func(int, reflect.Value)) {
	lists := field(controller, name)
	if count == 0 {
		lists.SetMapIndex(reflect.ValueOf(key), reflect.Value{})
		return
	}
	list := reflect.MakeSlice(lists.Type().Elem(), count, count)
	for index := range count {
		set(index, list.Index(index))
	}
	lists.SetMapIndex(reflect.ValueOf(key), list)
}

// inside gives a settable view of an entry's private field.
func inside(entry reflect.Value, name string) reflect.Value {
	value := entry.FieldByName(name)
	return reflect.NewAt(value.Type(), unsafe.Pointer(value.UnsafeAddr())).Elem()
}

func moment(entry reflect.Value) int64 {
	value := entry.FieldByName("timestamp")
	return (*time.Time)(unsafe.Pointer(value.UnsafeAddr())).UnixNano()
}
