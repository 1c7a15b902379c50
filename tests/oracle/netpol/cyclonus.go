package main

import (
	"encoding/json"
	"log"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// erring is [selects] with the two errors of cyclonus v0.5.6 (pkg/kube/labelselector.go): an absent key is not NotIn, and
// an absent key equals an empty value of matchLabels.
func erring(selector *metav1.LabelSelector, set map[string]string) bool {
	for key, value := range selector.MatchLabels {
		if set[key] != value {
			return false
		}
	}
	for _, expression := range selector.MatchExpressions {
		if _, there := set[expression.Key]; expression.Operator == metav1.LabelSelectorOpNotIn && !there {
			return false
		}
	}
	rest := &metav1.LabelSelector{MatchExpressions: selector.MatchExpressions}
	parsed, err := metav1.LabelSelectorAsSelector(rest)
	if err != nil {
		log.Fatal(err)
	}
	return parsed.Matches(labels.Set(set))
}

// compare asks cyclonus of every connection, and explains where it says something else than the evaluator.
func compare(scenario *Scenario, explained map[string]int) int {
	var policies []*networkingv1.NetworkPolicy
	for _, text := range scenario.Policies {
		policies = append(policies, defaulted(text))
	}
	// Without simplification: with it ranges of ports are subtracted, which is not finished there.
	built := matcher.BuildNetworkPolicies(false, plain(policies))
	at := 0
	scenario.each(func(source, destination end, family, protocol string, port int32) {
		expected := scenario.Verdicts[at] == 'A'
		at++
		if source.pod != nil && source.pod == destination.pod {
			// Traffic of a pod to itself is for the caller to know.
			explained["self"]++
			return
		}
		said := ask(scenario, built, source, destination, family, protocol, port)
		if said == expected {
			return
		}
		emulated := evaluator{scenario, policies, erring, family, protocol, port, destination.pod}
		if said == emulated.allowed(source, destination) {
			explained["selector"]++
			return
		}
		text, _ := json.Marshal(scenario)
		log.Fatalf("seed %d: %+v -> %+v %s %s %d: cyclonus says %v\n%s",
			scenario.Seed, source, destination, family, protocol, port, said, text)
	})
	return at
}

// ask asks once for each name that the port has on the destination, because a query takes one name at most.
func ask(scenario *Scenario, built *matcher.Policy, source, destination end, family, protocol string, port int32) bool {
	portNames := []string{""}
	if destination.pod != nil {
		for _, named := range destination.pod.Ports {
			if named.Number == port && named.Protocol == protocol {
				portNames = append(portNames, named.Name)
			}
		}
	}
	egress, ingress := false, false
	for _, name := range portNames {
		result := built.IsTrafficAllowed(&matcher.Traffic{
			Source: peer(scenario, source, family), Destination: peer(scenario, destination, family),
			ResolvedPort: int(port), ResolvedPortName: name, Protocol: corev1.Protocol(protocol),
		})
		egress = egress || result.Egress.IsAllowed()
		ingress = ingress || result.Ingress.IsAllowed()
	}
	return egress && ingress
}

func peer(scenario *Scenario, one end, family string) *matcher.TrafficPeer {
	found := &matcher.TrafficPeer{IP: one.address(family)}
	if one.pod != nil {
		found.Internal = &matcher.InternalPeer{
			PodLabels: one.pod.Labels, NamespaceLabels: scenario.Namespaces[one.pod.Namespace], Namespace: one.pod.Namespace,
		}
	}
	return found
}

// plain writes blocks so that cyclonus can read them: Go's own net.ParseCIDR takes no leading zeros.
func plain(policies []*networkingv1.NetworkPolicy) []*networkingv1.NetworkPolicy {
	var copies []*networkingv1.NetworkPolicy
	for _, policy := range policies {
		policy = policy.DeepCopy()
		rewrite := func(peers []networkingv1.NetworkPolicyPeer) {
			for _, peer := range peers {
				if peer.IPBlock == nil {
					continue
				}
				peer.IPBlock.CIDR = strings.Replace(peer.IPBlock.CIDR, "010.", "10.", 1)
				for index, except := range peer.IPBlock.Except {
					peer.IPBlock.Except[index] = strings.Replace(except, "010.", "10.", 1)
				}
			}
		}
		for _, rule := range policy.Spec.Ingress {
			rewrite(rule.From)
		}
		for _, rule := range policy.Spec.Egress {
			rewrite(rule.To)
		}
		copies = append(copies, policy)
	}
	return copies
}
