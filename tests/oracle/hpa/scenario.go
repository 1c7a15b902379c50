// Package hpa lets the real HorizontalController sync made-up autoscalers in fake time, and writes down what it did.
package hpa

import (
	"encoding/json"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	custommetrics "k8s.io/metrics/pkg/apis/custom_metrics/v1beta2"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
	resourcemetrics "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// Scenario is one controller's life: its settings, and the syncs that it makes. Times are nanoseconds.
type Scenario struct {
	Name string `json:"name"`
	// Begin is how long after the start of a bubble the controller starts.
	Begin    int64           `json:"begin,omitempty"`
	Settings Settings        `json:"settings"`
	Gates    map[string]bool `json:"gates,omitempty"`
	// Follow lets the target report at each step what it was last told to have, unless the step says otherwise.
	Follow bool   `json:"follow,omitempty"`
	Steps  []Step `json:"steps"`
}

// Settings are the controller manager's flags.
type Settings struct {
	Tolerance              float64 `json:"tolerance"`
	DownscaleStabilization int64   `json:"downscale_stabilization"`
	CPUInitialization      int64   `json:"cpu_initialization"`
	InitialReadiness       int64   `json:"initial_readiness"`
}

// Step changes the surroundings, waits, and lets the controller sync one autoscaler. What it does not name stays as it was.
type Step struct {
	After   int64                                        `json:"after"`
	Key     string                                       `json:"key"`
	Delete  bool                                         `json:"delete,omitempty"`
	HPA     *autoscalingv2.HorizontalPodAutoscaler       `json:"hpa,omitempty"`
	Status  *autoscalingv2.HorizontalPodAutoscalerStatus `json:"status,omitempty"`
	Scale   *autoscalingv1.Scale                         `json:"scale,omitempty"`
	Pods    *[]v1.Pod                                    `json:"pods,omitempty"`
	Metrics *Metrics                                     `json:"metrics,omitempty"`
	// Memory is what the controller remembers from now on.
	Memory *Memory `json:"memory,omitempty"`
	// These hold for this step only.
	GetError  string   `json:"get_error,omitempty"`
	PutErrors []string `json:"put_errors,omitempty"`
}

// Memory is what the controller keeps of an autoscaler, in a record's form.
type Memory struct {
	Recommendations [][2]int64 `json:"recommendations,omitempty"`
	Ups             [][3]int64 `json:"ups,omitempty"`
	Downs           [][3]int64 `json:"downs,omitempty"`
}

// Metrics is what the three metric APIs answer.
type Metrics struct {
	Resource *Answer[resourcemetrics.PodMetrics]                    `json:"resource,omitempty"`
	Pods     map[string]Answer[custommetrics.MetricValue]           `json:"pods,omitempty"`
	Objects  map[string]Answer[custommetrics.MetricValue]           `json:"objects,omitempty"`
	External map[string]Answer[externalmetrics.ExternalMetricValue] `json:"external,omitempty"`
}

// Answer is a list, or a refusal.
type Answer[T any] struct {
	Items []T    `json:"items,omitempty"`
	Error string `json:"error,omitempty"`
}

// Record is what one sync came to.
type Record struct {
	Error           string                                       `json:"error,omitempty"`
	Wish            *int32                                       `json:"wish,omitempty"`
	Metric          string                                       `json:"metric,omitempty"`
	Proposals       []Proposal                                   `json:"proposals,omitempty"`
	Put             *int32                                       `json:"put,omitempty"`
	PutAt           int64                                        `json:"put_at,omitempty"`
	Written         bool                                         `json:"written,omitempty"`
	Status          *autoscalingv2.HorizontalPodAutoscalerStatus `json:"status,omitempty"`
	Events          []Event                                      `json:"events,omitempty"`
	Recommendations [][2]int64                                   `json:"recommendations,omitempty"`
	Ups             [][3]int64                                   `json:"ups,omitempty"`
	Downs           [][3]int64                                   `json:"downs,omitempty"`
	Took            int64                                        `json:"took,omitempty"`
}

// Proposal is one metric's, asked for by itself before the sync.
type Proposal struct {
	Replicas int32  `json:"replicas"`
	Name     string `json:"name,omitempty"`
	Error    string `json:"error,omitempty"`
}

// Event is a type, a reason and a message.
type Event [3]string

// Outcome is a scenario's line of the output.
type Outcome struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Records []Record `json:"records"`
}

func (scenario *Scenario) read(line []byte) error { return json.Unmarshal(line, scenario) }
