package kubelet

import (
	"fmt"
	"math/rand"
)

// Scenario is a worker's surroundings, made up from a seed. All times are milliseconds after the worker's start.
type Scenario struct {
	ProbeType        string      `json:"probe_type"`
	PeriodSeconds    int32       `json:"period_seconds"`
	FailureThreshold int32       `json:"failure_threshold"`
	SuccessThreshold int32       `json:"success_threshold"`
	InitialDelay     int32       `json:"initial_delay_seconds"`
	KubeletStarted   int64       `json:"kubelet_started"`
	Sidecar          bool        `json:"sidecar"`
	RestartPolicy    string      `json:"restart_policy"`
	DeletedAt        *int64      `json:"deleted_at,omitempty"`
	Containers       []Container `json:"containers"`
	Probes           []Probe     `json:"probes"`
	Triggers         []int64     `json:"triggers,omitempty"`
	Until            int64       `json:"until"`
	Steps            []Step      `json:"steps"`
	EndedAt          *int64      `json:"ended_at,omitempty"`
}

// Container is the container's status from a moment on. No id: it does not exist yet.
type Container struct {
	From      int64  `json:"from"`
	ID        int    `json:"id,omitempty"`
	State     string `json:"state"`
	StartedAt int64  `json:"started_at,omitempty"`
	Started   bool   `json:"started"`
}

// Probe is one execution of the probe: how long it takes, and what comes of it.
type Probe struct {
	Busy   int64
	Result string
}

// MarshalText writes `F120` for a failure after 120 ms.
func (probe Probe) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%s%d", probe.Result[:1], probe.Busy), nil
}

// Step is one doProbe: what the worker's state was when it began, and whether it came to probing.
type Step struct {
	At           int64
	Last, Cached string
	Run          int
	Hold, Probed bool
}

// MarshalText keeps the corpus small: `3000 S2 F hold probe` is a step at 3 s, the last two results Success, the cached
// one Failure, on hold, and probing.
func (step Step) MarshalText() ([]byte, error) {
	letter := func(result string) string {
		if result == "" {
			return "-"
		}
		return result[:1]
	}
	text := fmt.Sprintf("%d %s%d %s", step.At, letter(step.Last), step.Run, letter(step.Cached))
	if step.Hold {
		text += " hold"
	}
	if step.Probed {
		text += " probe"
	}
	return []byte(text), nil
}

var probeTypes = []string{"Liveness", "Readiness", "Startup"}

func invent(seed int64) *Scenario {
	random := rand.New(rand.NewSource(seed))
	pick := func(choices ...int32) int32 { return choices[random.Intn(len(choices))] }
	scenario := &Scenario{
		ProbeType:        probeTypes[random.Intn(len(probeTypes))],
		PeriodSeconds:    pick(1, 2, 3, 5, 10),
		FailureThreshold: pick(1, 2, 3, 3, 5),
		SuccessThreshold: 1,
		InitialDelay:     pick(0, 0, 1, 4, 15),
		RestartPolicy:    "Always",
		Sidecar:          random.Intn(6) == 0,
	}
	if scenario.ProbeType == "Readiness" {
		scenario.SuccessThreshold = pick(1, 1, 2, 3)
	}
	period := int64(scenario.PeriodSeconds) * 1000
	scenario.Until = period*40 + 3
	// Old enough not to delay the first probe by a random part of the period.
	scenario.KubeletStarted = -(period + 1 + random.Int63n(60_000))
	if random.Intn(8) == 0 {
		scenario.RestartPolicy = "Never"
	}
	if random.Intn(8) == 0 {
		deleted := random.Int63n(scenario.Until)
		scenario.DeletedAt = &deleted
	}
	scenario.inventContainers(random)
	scenario.inventProbes(random)
	return scenario
}

// inventContainers makes them come, start, pass their startup, crash and come again.
func (scenario *Scenario) inventContainers(random *rand.Rand) {
	period := int64(scenario.PeriodSeconds) * 1000
	// The first may be older than the worker, or even than the kubelet.
	at, id := random.Int63n(period*3)-random.Int63n(90_000), 1
	if at > 0 {
		scenario.Containers = append(scenario.Containers, Container{From: -1 << 40, State: "none"})
	}
	for at < scenario.Until {
		started := random.Intn(3) > 0
		running := Container{From: at, ID: id, State: "running", StartedAt: at, Started: started}
		if id == 1 && at <= 0 {
			running.From = -1 << 40
		}
		scenario.Containers = append(scenario.Containers, running)
		if !started && random.Intn(4) > 0 {
			at += 1 + random.Int63n(period*8)
			running.From, running.Started = at, true
			scenario.Containers = append(scenario.Containers, running)
		}
		at += 1 + random.Int63n(period*20)
		if random.Intn(2) == 0 {
			state := []string{"waiting", "terminated"}[random.Intn(2)]
			scenario.Containers = append(scenario.Containers, Container{From: at, ID: id, State: state})
			at += 1 + random.Int63n(period*4)
		}
		id++
	}
}

// inventProbes makes runs of like results, some of them slow, a few of them failures of the prober itself.
// Where somebody triggers probes by hand, none takes time: which of two waiting channels Go takes is a matter of luck.
func (scenario *Scenario) inventProbes(random *rand.Rand) {
	period := int64(scenario.PeriodSeconds) * 1000
	slow := random.Intn(2) == 0
	if scenario.ProbeType == "Readiness" && random.Intn(2) == 0 {
		slow = false
		for at := random.Int63n(period * 4); at < scenario.Until; at += 1 + random.Int63n(period*6) {
			scenario.Triggers = append(scenario.Triggers, at)
		}
	}
	for len(scenario.Probes) < 80 {
		result := []string{"Success", "Failure"}[random.Intn(2)]
		for run := random.Intn(7); run >= 0; run-- {
			probe := Probe{Result: result}
			switch {
			case random.Intn(25) == 0:
				probe.Result = "Error"
			case slow && random.Intn(3) == 0:
				probe.Busy = 1 + random.Int63n(period*3)
			case slow:
				probe.Busy = random.Int63n(300)
			}
			scenario.Probes = append(scenario.Probes, probe)
		}
	}
}
