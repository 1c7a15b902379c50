package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// notEnforced on a policy makes it pass for one that is not there.
const notEnforced = "sidelights.test/not-enforced"

// state is as much of the cluster as decides.
type state struct {
	namespaces map[string]map[string]string
	pods       []*corev1.Pod
	policies   []*networkingv1.NetworkPolicy
}

// listener is a port of a pod.
type listener struct {
	protocol corev1.Protocol
	number   int32
}

// denied is every connection between two pods, on a port that the second one declares, which the matcher does not allow, as an element of the set.
// In order, so that two looks compare.
func (s *state) denied() ([]string, error) {
	marks := newMarks()
	var policies []*networkingv1.NetworkPolicy
	for _, policy := range s.policies {
		marked, err := marks.of(policy)
		if err != nil {
			return nil, err
		}
		policies = append(policies, marked)
	}
	// Without simplification: with it ranges of ports are subtracted, which is not finished there.
	built := matcher.BuildNetworkPolicies(false, policies)
	namespaces := map[string]map[string]string{}
	for name, labels := range s.namespaces {
		namespaces[name] = marks.on(labels)
	}
	peers := map[*corev1.Pod]*matcher.TrafficPeer{}
	for _, pod := range s.pods {
		peers[pod] = &matcher.TrafficPeer{IP: pod.Status.PodIP, Internal: &matcher.InternalPeer{
			PodLabels: marks.on(pod.Labels), NamespaceLabels: namespaces[pod.Namespace], Namespace: pod.Namespace,
		}}
	}
	var denied []string
	for _, destination := range s.pods {
		for listener, names := range listeners(destination) {
			for _, source := range s.pods {
				// A pod always reaches itself.
				if source == destination || allows(built, peers[source], peers[destination], listener, names) {
					continue
				}
				denied = append(denied, fmt.Sprintf("%s . %s . %s . %d", source.Status.PodIP, destination.Status.PodIP,
					strings.ToLower(string(listener.protocol)), listener.number))
			}
		}
	}
	slices.Sort(denied)
	// An address may be listed under a pod that is on its way out and its successor.
	return slices.Compact(denied), nil
}

// allows asks once for each name of the port, because a query takes one name at most.
func allows(built *matcher.Policy, source, destination *matcher.TrafficPeer, listener listener, names []string) bool {
	egress, ingress := false, false
	for _, name := range names {
		asked := built.IsTrafficAllowed(&matcher.Traffic{Source: source, Destination: destination,
			ResolvedPort: int(listener.number), ResolvedPortName: name, Protocol: listener.protocol})
		egress = egress || asked.Egress.IsAllowed()
		ingress = ingress || asked.Ingress.IsAllowed()
	}
	return egress && ingress
}

// listeners are the ports that the pod's containers declare, sidecars' among them, each with its names.
func listeners(pod *corev1.Pod) map[listener][]string {
	found := map[listener][]string{}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, port := range container.Ports {
			if port.Protocol == corev1.ProtocolTCP || port.Protocol == corev1.ProtocolUDP {
				at := listener{port.Protocol, port.ContainerPort}
				found[at] = append(found[at], port.Name)
			}
		}
	}
	return found
}
