package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
)

// Scenario is a cluster, its policies as somebody wrote them, and what becomes of every connection.
type Scenario struct {
	Seed       int64                        `json:"seed"`
	Namespaces map[string]map[string]string `json:"namespaces"`
	Pods       []Pod                        `json:"pods"`
	Outside    []string                     `json:"outside"`
	Policies   []json.RawMessage            `json:"policies"`
	// Verdicts has a letter a connection, in the order of [Scenario.each]: A for allowed, D for denied.
	Verdicts string `json:"verdicts"`
	// Refused holds policies that the API server would refuse, and the fields it would name.
	Refused []Refused `json:"refused,omitempty"`
}

// Refused is a policy that the API server would refuse, with its errors: field and kind.
type Refused struct {
	Policy json.RawMessage `json:"policy"`
	Errors []string        `json:"errors"`
}

// Pod is a pod with one address of each family it has.
type Pod struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels"`
	V4        string            `json:"v4,omitempty"`
	V6        string            `json:"v6,omitempty"`
	Ports     []NamedPort       `json:"ports,omitempty"`
}

// NamedPort is a port of a pod's container.
type NamedPort struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Number   int32  `json:"number"`
}

var (
	protocols  = []string{"TCP", "UDP", "SCTP"}
	numbers    = []int32{53, 80, 81, 90, 8080, 65535}
	names      = []string{"web", "dns", "x-1"}
	keys       = []string{"app", "tier", "env"}
	values     = []string{"a", "b", ""}
	namespaces = []string{"red", "green", "blue"}
	blocks     = []string{
		"0.0.0.0/0", "10.0.0.0/24", "10.0.0.0/28", "10.0.0.0/29", "10.0.0.3/32", "010.0.0.9/28", "198.51.100.0/24",
		"198.51.100.7/30", "::/0", "fd00::/120", "fd00::/125", "fd00::9/124", "::ffff:10.0.0.0/124",
	}
)

type inventor struct{ *rand.Rand }

func (random inventor) one(choices ...any) any { return choices[random.Intn(len(choices))] }

func (random inventor) of(choices []string) string { return choices[random.Intn(len(choices))] }

func (random inventor) oneIn(number int) bool { return random.Intn(number) == 0 }

func (random inventor) labels() map[string]string {
	labels := map[string]string{}
	for _, key := range keys {
		if random.oneIn(2) {
			labels[key] = random.of(values)
		}
	}
	return labels
}

func invent(seed int64) *Scenario {
	random := inventor{rand.New(rand.NewSource(seed))}
	scenario := &Scenario{
		Seed:       seed,
		Namespaces: map[string]map[string]string{},
		Outside:    []string{"198.51.100.5", "203.0.113.9", "2001:db8::5"},
	}
	for _, name := range namespaces {
		labels := random.labels()
		labels["kubernetes.io/metadata.name"] = name
		scenario.Namespaces[name] = labels
	}
	for index := range 6 + random.Intn(3) {
		pod := Pod{
			Namespace: random.of(namespaces),
			Name:      fmt.Sprintf("p%d", index),
			Labels:    random.labels(),
			V4:        fmt.Sprintf("10.0.0.%d", index*2+random.Intn(2)),
		}
		if random.oneIn(2) {
			pod.V6 = fmt.Sprintf("fd00::%x", index*2+random.Intn(2))
		}
		if pod.V6 != "" && random.oneIn(6) {
			pod.V4 = ""
		}
		for _, name := range names[:random.Intn(3)] {
			port := NamedPort{Name: name, Protocol: random.of(protocols[:2]), Number: numbers[random.Intn(len(numbers))]}
			pod.Ports = append(pod.Ports, port)
		}
		scenario.Pods = append(scenario.Pods, pod)
	}
	for index := range 1 + random.Intn(7) {
		policy := random.policy(fmt.Sprintf("n%d", index))
		if errors := refusals(policy); len(errors) > 0 {
			scenario.Refused = append(scenario.Refused, Refused{Policy: policy, Errors: errors})
			continue
		}
		scenario.Policies = append(scenario.Policies, policy)
	}
	return scenario
}

type object = map[string]any

// maybe sets a field to a value, to null or to nothing: three ways to write the same, or not.
func (random inventor) maybe(fields object, name string, value any, empty any) {
	switch random.Intn(8) {
	case 0:
	case 1:
		fields[name] = nil
	case 2:
		fields[name] = empty
	default:
		fields[name] = value
	}
}

func (random inventor) policy(name string) json.RawMessage {
	spec := object{}
	random.maybe(spec, "podSelector", random.selector(), object{})
	random.maybe(spec, "ingress", random.rules("from"), []any{})
	random.maybe(spec, "egress", random.rules("to"), []any{})
	types := random.one(
		[]any{"Ingress"}, []any{"Egress"}, []any{"Ingress", "Egress"}, []any{"Egress", "Egress"}, []any{"Ingress", "Egress"})
	if !random.oneIn(3) {
		random.maybe(spec, "policyTypes", types, []any{})
	}
	if random.oneIn(60) {
		spec["policyTypes"] = random.one([]any{"ingress"}, []any{"Ingress", "Egress", "Ingress"}, []any{""})
	}
	text, err := json.Marshal(object{
		"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		"metadata": object{"namespace": random.of(namespaces), "name": name}, "spec": spec,
	})
	if err != nil {
		panic(err)
	}
	return text
}

func (random inventor) selector() object {
	selector := object{}
	if random.oneIn(3) {
		return selector
	}
	if random.oneIn(2) {
		labels := object{}
		for range 1 + random.Intn(2) {
			labels[random.of(keys)] = random.of(values)
		}
		random.maybe(selector, "matchLabels", labels, object{})
	}
	if random.oneIn(2) {
		var expressions []any
		for range 1 + random.Intn(2) {
			expressions = append(expressions, random.expression())
		}
		random.maybe(selector, "matchExpressions", expressions, []any{})
	}
	return selector
}

func (random inventor) expression() object {
	expression := object{"key": random.of(keys)}
	operator := random.of([]string{"In", "NotIn", "NotIn", "Exists", "DoesNotExist"})
	expression["operator"] = operator
	if (operator == "In" || operator == "NotIn") != random.oneIn(60) {
		expression["values"] = []any{random.of(values), random.of(values)}[:1+random.Intn(2)]
	}
	if random.oneIn(150) {
		expression["operator"] = "in"
	}
	return expression
}

func (random inventor) rules(list string) []any {
	var rules []any
	for range random.Intn(3) {
		rule := object{}
		var peers []any
		for range 1 + random.Intn(3) {
			peers = append(peers, random.peer())
		}
		random.maybe(rule, list, peers, []any{})
		var ports []any
		for range 1 + random.Intn(2) {
			ports = append(ports, random.port())
		}
		random.maybe(rule, "ports", ports, []any{})
		rules = append(rules, rule)
	}
	return rules
}

func (random inventor) peer() object {
	peer := object{}
	if random.oneIn(3) {
		block := object{"cidr": random.of(blocks)}
		if random.oneIn(2) {
			block["except"] = []any{random.of(blocks), random.of(blocks)}[:1+random.Intn(2)]
		}
		if random.oneIn(80) {
			block["cidr"] = random.one("10.0.0.0", "10.0.0.0/33", "", "a/8", "::1/129")
		}
		peer["ipBlock"] = block
		if random.oneIn(80) {
			peer["podSelector"] = object{}
		}
		return peer
	}
	if !random.oneIn(3) {
		random.maybe(peer, "podSelector", random.selector(), object{})
	}
	if random.oneIn(2) {
		selector := random.selector()
		if random.oneIn(3) {
			selector = object{"matchLabels": object{"kubernetes.io/metadata.name": random.of(namespaces)}}
		}
		random.maybe(peer, "namespaceSelector", selector, object{})
	}
	if peer["podSelector"] == nil && peer["namespaceSelector"] == nil && !random.oneIn(20) {
		peer["podSelector"] = object{}
	}
	return peer
}

func (random inventor) port() object {
	port := object{}
	if random.oneIn(2) {
		port["protocol"] = random.of(protocols)
	}
	number := numbers[random.Intn(len(numbers))]
	switch random.Intn(6) {
	case 0:
	case 1:
		port["port"] = random.of(names)
	case 2:
		port["port"] = number
		port["endPort"] = max(number, numbers[random.Intn(len(numbers))])
	default:
		port["port"] = number
	}
	if random.oneIn(60) {
		port[random.of([]string{"port", "endPort", "protocol"})] = random.one(0, 70000, -1, 52)
		if _, ok := port["protocol"].(int); ok {
			port["protocol"] = random.one("ICMP", "tcp", "")
		}
	}
	if random.oneIn(100) {
		port["port"] = random.one("80", "Web", "a--b", "")
	}
	return port
}

// each goes through all connections: sources and destinations are the pods and then the outside, over each family that
// both have, on each port of each protocol. Between two addresses outside there is nothing to ask.
func (scenario *Scenario) each(visit func(source, destination end, family string, protocol string, port int32)) {
	var ends []end
	for index := range scenario.Pods {
		ends = append(ends, end{pod: &scenario.Pods[index]})
	}
	for _, address := range scenario.Outside {
		ends = append(ends, end{outside: address})
	}
	for _, source := range ends {
		for _, destination := range ends {
			if source.pod == nil && destination.pod == nil {
				continue
			}
			for _, family := range []string{"v4", "v6"} {
				if source.address(family) == "" || destination.address(family) == "" {
					continue
				}
				for _, protocol := range protocols {
					for _, port := range numbers {
						visit(source, destination, family, protocol, port)
					}
				}
			}
		}
	}
}
