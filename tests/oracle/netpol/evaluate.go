package main

import (
	"encoding/json"
	"log"
	"net"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/apis/networking"
	defaults "k8s.io/kubernetes/pkg/apis/networking/v1"
	"k8s.io/kubernetes/pkg/apis/networking/validation"
	netutils "k8s.io/utils/net"
)

// end is one end of a connection: a pod, or an address outside.
type end struct {
	pod     *Pod
	outside string
}

func (one end) address(family string) string {
	address := one.outside
	if one.pod != nil {
		address = one.pod.V4
		if family == "v6" {
			address = one.pod.V6
		}
	}
	if (family == "v6") != strings.Contains(address, ":") {
		return ""
	}
	return address
}

// defaulted reads a policy and lets the API server's own code fill in what is missing.
func defaulted(text json.RawMessage) *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{}
	if err := json.Unmarshal(text, policy); err != nil {
		log.Fatalf("%s: %v", text, err)
	}
	defaults.SetObjectDefaults_NetworkPolicy(policy)
	return policy
}

// refusals is what the API server's own code would refuse a policy for, as of an older object: blocks with host bits and
// leading zeros are no reason. Field and kind, in order; the wording is not compared.
func refusals(text json.RawMessage) []string {
	policy := &networking.NetworkPolicy{}
	versioned := defaulted(text)
	if err := defaults.Convert_v1_NetworkPolicy_To_networking_NetworkPolicy(versioned, policy, nil); err != nil {
		log.Fatal(err)
	}
	options := validation.NetworkPolicyValidationOptions{AllowCIDRsEvenIfInvalid: blocks}
	errors := []string{}
	for _, err := range validation.ValidateNetworkPolicy(policy, options) {
		errors = append(errors, err.Field+" "+string(err.Type))
	}
	sort.Strings(errors)
	return errors
}

// selecting says whether a selector selects labels. There is the true one, and one with cyclonus' errors in it.
type selecting func(selector *metav1.LabelSelector, set map[string]string) bool

func selects(selector *metav1.LabelSelector, set map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		log.Fatal(err)
	}
	return parsed.Matches(labels.Set(set))
}

func judge(scenario *Scenario) {
	var policies []*networkingv1.NetworkPolicy
	for _, text := range scenario.Policies {
		policies = append(policies, defaulted(text))
	}
	var verdicts strings.Builder
	scenario.each(func(source, destination end, family, protocol string, port int32) {
		evaluator := evaluator{scenario, policies, selects, family, protocol, port, destination.pod}
		letter := byte('D')
		if evaluator.allowed(source, destination) {
			letter = 'A'
		}
		verdicts.WriteByte(letter)
	})
	scenario.Verdicts = verdicts.String()
}

// evaluator is one connection.
type evaluator struct {
	scenario *Scenario
	policies []*networkingv1.NetworkPolicy
	selects  selecting
	family   string
	protocol string
	port     int32
	target   *Pod
}

func (one evaluator) allowed(source, destination end) bool {
	if source.pod != nil && source.pod == destination.pod {
		return true
	}
	return one.direction(networkingv1.PolicyTypeEgress, source, destination) &&
		one.direction(networkingv1.PolicyTypeIngress, destination, source)
}

func (one evaluator) direction(direction networkingv1.PolicyType, subject, peer end) bool {
	if subject.pod == nil {
		return true
	}
	isolated := false
	for _, policy := range one.policies {
		if policy.Namespace != subject.pod.Namespace || !hasType(policy, direction) ||
			!one.selects(&policy.Spec.PodSelector, subject.pod.Labels) {
			continue
		}
		isolated = true
		if direction == networkingv1.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				if one.peers(policy, rule.From, peer) && one.ports(rule.Ports) {
					return true
				}
			}
			continue
		}
		for _, rule := range policy.Spec.Egress {
			if one.peers(policy, rule.To, peer) && one.ports(rule.Ports) {
				return true
			}
		}
	}
	return !isolated
}

func hasType(policy *networkingv1.NetworkPolicy, wanted networkingv1.PolicyType) bool {
	for _, found := range policy.Spec.PolicyTypes {
		if found == wanted {
			return true
		}
	}
	return false
}

func (one evaluator) peers(policy *networkingv1.NetworkPolicy, peers []networkingv1.NetworkPolicyPeer, other end) bool {
	for _, peer := range peers {
		if one.peer(policy, peer, other) {
			return true
		}
	}
	return len(peers) == 0
}

func (one evaluator) peer(policy *networkingv1.NetworkPolicy, peer networkingv1.NetworkPolicyPeer, other end) bool {
	if peer.IPBlock != nil {
		return contains(peer.IPBlock, other.address(one.family))
	}
	if other.pod == nil {
		return false
	}
	if peer.NamespaceSelector == nil {
		if other.pod.Namespace != policy.Namespace {
			return false
		}
	} else if !one.selects(peer.NamespaceSelector, one.scenario.Namespaces[other.pod.Namespace]) {
		return false
	}
	return peer.PodSelector == nil || one.selects(peer.PodSelector, other.pod.Labels)
}

// contains follows net.IPNet: an IPv4-mapped block of at least 96 bits is an IPv4 block.
func contains(block *networkingv1.IPBlock, address string) bool {
	ip := net.ParseIP(address)
	inside := func(text string) bool {
		_, cidr, err := netutils.ParseCIDRSloppy(text)
		if err != nil {
			log.Fatal(err)
		}
		return cidr.Contains(ip)
	}
	for _, except := range block.Except {
		if inside(except) {
			return false
		}
	}
	return inside(block.CIDR)
}

func (one evaluator) ports(ports []networkingv1.NetworkPolicyPort) bool {
	for _, port := range ports {
		if one.matches(port) {
			return true
		}
	}
	return len(ports) == 0
}

func (one evaluator) matches(port networkingv1.NetworkPolicyPort) bool {
	if *port.Protocol != corev1.Protocol(one.protocol) {
		return false
	}
	if port.Port == nil {
		return true
	}
	if port.Port.Type == intstr.String {
		if one.target == nil {
			return false
		}
		for _, named := range one.target.Ports {
			if named.Name == port.Port.StrVal && named.Protocol == one.protocol && named.Number == one.port {
				return true
			}
		}
		return false
	}
	last := port.Port.IntVal
	if port.EndPort != nil {
		last = *port.EndPort
	}
	return port.Port.IntVal <= one.port && one.port <= last
}
