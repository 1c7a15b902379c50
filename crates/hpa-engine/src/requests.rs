//! What pods request, to which utilization is the ratio: `calculateRequests` in `replica_calculator.go`.

use std::collections::HashMap;

use crate::pod::{Container, Pod};
use crate::profile::Profile;
use crate::quantity::Quantity;
use crate::resource::{ResourceName, Resources};

/// Requests in thousandths by pod name, over all pods whatever their state: one bad pod fails the metric.
pub(crate) fn requests<'a>(
    pods: &[&'a Pod],
    container: Option<&str>,
    resource: &ResourceName,
    profile: &Profile,
) -> Result<HashMap<&'a str, i64>, String> {
    let mut requests = HashMap::with_capacity(pods.len());
    for pod in pods {
        let pod_level = profile.pod_level_requests
            && container.is_none()
            && pod.requests.iter().any(|(name, _)| name.may_be_pod_level());
        let request = if pod_level {
            of_pod(pod, resource, profile)
        } else {
            of_containers(pod, container, resource, profile)
        };
        requests.insert(&*pod.name, request?);
    }
    Ok(requests)
}

/// `calculatePodRequestsFromContainers`: each container is rounded up on its own.
fn of_containers(
    pod: &Pod,
    wanted: Option<&str>,
    resource: &ResourceName,
    profile: &Profile,
) -> Result<i64, String> {
    let mut sum = 0_i64;
    for Container { name, requests } in pod.running_containers() {
        if wanted.is_some_and(|wanted| wanted != &**name) {
            continue;
        }
        let Some(request) = requests.get(resource) else {
            let pod = &pod.name;
            return Err(format!(
                "missing request for {resource} in container {name} of Pod {pod}"
            ));
        };
        sum = sum.wrapping_add(request.milli(profile.architecture));
        if wanted.is_some() && profile.missing_container_request_fails {
            return Ok(sum);
        }
    }
    match wanted {
        Some(wanted) if profile.missing_container_request_fails => {
            Err(format!("container {wanted} not found in Pod {}", pod.name))
        }
        _ => Ok(sum),
    }
}

/// `calculatePodLevelRequests`.
fn of_pod(pod: &Pod, resource: &ResourceName, profile: &Profile) -> Result<i64, String> {
    let own = pod
        .requests
        .get(resource)
        .filter(|_| resource.may_be_pod_level());
    let base = own.cloned().or_else(|| aggregate(pod, resource));
    let request = match (base, pod.overhead.get(resource)) {
        (Some(base), Some(overhead)) => base.plus(overhead),
        (Some(only), None) => only,
        (None, Some(only)) => only.clone(),
        (None, None) => {
            let pod = &pod.name;
            return Err(format!(
                "missing pod-level request for {resource} in Pod {pod}"
            ));
        }
    };
    Ok(request.milli(profile.architecture))
}

/// `AggregateContainerRequests` of `component-helpers/resource`: what runs together, or the peak while the pod starts.
fn aggregate(pod: &Pod, resource: &ResourceName) -> Option<Quantity> {
    let of = |requests: &Resources| requests.get(resource).cloned();
    let mut together = None;
    for container in pod.containers.iter() {
        together = sum(together, of(&container.requests));
    }
    let (mut beside, mut peak) = (None, None);
    for init in pod.init_containers.iter() {
        let request = of(&init.container.requests);
        let meanwhile = if init.restartable {
            together = sum(together, request.clone());
            beside = sum(beside, request);
            beside.clone()
        } else {
            sum(request, beside.clone())
        };
        peak = greater(peak, meanwhile);
    }
    greater(together, peak)
}

fn sum(left: Option<Quantity>, right: Option<Quantity>) -> Option<Quantity> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.plus(&right)),
        (only, None) | (None, only) => only,
    }
}

/// The first, unless the second is greater.
fn greater(left: Option<Quantity>, right: Option<Quantity>) -> Option<Quantity> {
    match (left, right) {
        (Some(left), Some(right)) if right > left => Some(right),
        (Some(left), _) => Some(left),
        (None, right) => right,
    }
}
