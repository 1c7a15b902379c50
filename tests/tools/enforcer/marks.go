package main

import (
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// marks are labels of ours, one for each selector, on whatever Kubernetes' own code says that it selects. The matcher is given these and no other:
// cyclonus v0.5.6 errs about selectors where a key is absent (NotIn does not match there, and an empty value of matchLabels does). What it needs
// besides, such as policyTypes, the API server has filled in.
type marks struct {
	selectors []labels.Selector
}

func newMarks() *marks { return &marks{} }

// of is the policy with each selector in it replaced by one that asks for its mark.
func (m *marks) of(policy *networkingv1.NetworkPolicy) (*networkingv1.NetworkPolicy, error) {
	policy = policy.DeepCopy()
	selectors := []*metav1.LabelSelector{&policy.Spec.PodSelector}
	peers := func(peers []networkingv1.NetworkPolicyPeer) {
		for _, peer := range peers {
			selectors = append(selectors, peer.PodSelector, peer.NamespaceSelector)
		}
	}
	for _, rule := range policy.Spec.Ingress {
		peers(rule.From)
	}
	for _, rule := range policy.Spec.Egress {
		peers(rule.To)
	}
	for _, selector := range selectors {
		// One that is not there says something else than an empty one.
		if selector == nil {
			continue
		}
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", policy.Namespace, policy.Name, err)
		}
		*selector = metav1.LabelSelector{MatchLabels: map[string]string{m.name(len(m.selectors)): "selected"}}
		m.selectors = append(m.selectors, parsed)
	}
	return policy, nil
}

// on are the marks that something with these labels carries.
func (m *marks) on(set labels.Set) map[string]string {
	marked := map[string]string{}
	for number, selector := range m.selectors {
		if selector.Matches(set) {
			marked[m.name(number)] = "selected"
		}
	}
	return marked
}

func (m *marks) name(number int) string { return fmt.Sprintf("selector-%d", number) }
