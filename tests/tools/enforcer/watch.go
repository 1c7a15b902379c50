package main

import (
	"context"
	"errors"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// watched is what is known of the cluster. Without its API server it stays as it is, and so does what is in force.
type watched struct {
	namespaces, pods, policies cache.SharedInformer
	changed                    chan struct{}
}

func watch(ctx context.Context, cluster *kubernetes.Clientset) (*watched, error) {
	found := &watched{changed: make(chan struct{}, 1)}
	for _, kind := range []struct {
		informer *cache.SharedInformer
		client   rest.Interface
		resource string
		object   runtime.Object
	}{
		{&found.namespaces, cluster.CoreV1().RESTClient(), "namespaces", &corev1.Namespace{}},
		{&found.pods, cluster.CoreV1().RESTClient(), "pods", &corev1.Pod{}},
		{&found.policies, cluster.NetworkingV1().RESTClient(), "networkpolicies", &networkingv1.NetworkPolicy{}},
	} {
		everywhere := cache.NewListWatchFromClient(kind.client, kind.resource, "", fields.Everything())
		informer := cache.NewSharedInformer(everywhere, kind.object, 0)
		told, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { found.tell() },
			UpdateFunc: func(any, any) { found.tell() },
			DeleteFunc: func(any) { found.tell() },
		})
		if err != nil {
			return nil, err
		}
		go informer.Run(ctx.Done())
		if !cache.WaitForCacheSync(ctx.Done(), told.HasSynced) {
			return nil, errors.New("ended before the first lists were in")
		}
		*kind.informer = informer
	}
	return found, nil
}

func (w *watched) tell() {
	select {
	case w.changed <- struct{}{}:
	default: // It is to look anyway.
	}
}

// change waits until something has changed; false at the end.
func (w *watched) change(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-w.changed:
	}
	time.Sleep(gather)
	return true
}

func (w *watched) state() *state {
	found := &state{namespaces: map[string]map[string]string{}}
	for _, object := range w.namespaces.GetStore().List() {
		namespace := object.(*corev1.Namespace)
		found.namespaces[namespace.Name] = namespace.Labels
	}
	for _, object := range w.pods.GetStore().List() {
		pod := object.(*corev1.Pod)
		// The addresses of those that have ended may be others' already; those on the node's network have no policies.
		ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		if pod.Status.PodIP != "" && !ended && !pod.Spec.HostNetwork {
			found.pods = append(found.pods, pod)
		}
	}
	for _, object := range w.policies.GetStore().List() {
		policy := object.(*networkingv1.NetworkPolicy)
		if _, passedOver := policy.Annotations[notEnforced]; !passedOver {
			found.policies = append(found.policies, policy)
		}
	}
	return found
}
