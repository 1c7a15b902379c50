//! Every metric of this exporter, once: the page, the README's table and the checks on dashboards and alerts all read it
//! from here.

pub use exposition::Kind;

/// A metric family.
#[derive(Debug)]
pub struct Family {
    /// The name on the page.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Which labels it carries.
    pub labels: Labels,
    /// What it says: HELP on the page, and the README's text.
    pub help: &'static str,
}

/// Which labels a family carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// One series per required flow, and these labels beside its own.
    Flow(&'static [&'static str]),
    /// These alone.
    Only(&'static [&'static str]),
}

/// The labels of a required flow.
pub const FLOW: [&str; 7] = [
    "source_namespace",
    "source_workload",
    "destination_namespace",
    "destination_kind",
    "destination_name",
    "port",
    "protocol",
];

impl Labels {
    /// All label names, in the order of the page.
    pub fn names(self) -> Vec<&'static str> {
        match self {
            Self::Flow(more) => [&FLOW, more].concat(),
            Self::Only(names) => names.to_vec(),
        }
    }
}

macro_rules! families {
    ($($name:ident: $kind:ident $labels:ident [$($label:literal),*] $text:literal $help:literal;)*) => {
        $(pub(super) const $name: Family = Family {
            name: $text,
            kind: Kind::$kind,
            labels: Labels::$labels(&[$($label),*]),
            help: $help,
        };)*

        /// All families, in the order of the page.
        pub const FAMILIES: &[Family] = &[$($name),*];
    };
}

families! {
    STATE: Gauge Flow ["state"] "netpol_required_flow_state"
        "1 for the state that a required flow is in, 0 for the others: ok, blocked_by_policy, broken_not_policy, enforcement_gap, app_down, target_absent, unknown";
    STATE_SINCE: Gauge Flow [] "netpol_required_flow_state_since_timestamp_seconds"
        "When a required flow came into its state, in seconds since the epoch; or when it was first looked at";
    EXPECTED: Gauge Flow [] "netpol_required_flow_expected"
        "1 if the policies allow a required flow between all replicas, 0 if they deny it between any; absent where they do not say";
    OBSERVED: Gauge Flow [] "netpol_required_flow_observed"
        "1 if a required flow came through between all replicas that were tried, 0 if not between any; absent without fresh evidence";
    LAST_OBSERVATION: Gauge Flow [] "netpol_required_flow_last_observation_timestamp_seconds"
        "When a required flow was last tried by an agent, in seconds since the epoch; absent if it never was";
    BLOCKING: Gauge Flow ["policy_kind", "policy_namespace", "policy", "direction"] "netpol_required_flow_blocking_policy_info"
        "1 for each policy that forbids a required flow, by the end at which it does";
    INFO: Gauge Flow ["need", "origin", "kind"] "netpol_required_flow_info"
        "1 for each required flow: whether the application does without it (need: hard, soft), who says that it is required (origin: written, inferred, learnt), and what is spoken";
    FLOWS: Gauge Only ["state"] "netpol_required_flows"
        "Required flows by state, those without series of their own too";
    FLOWS_DROPPED: Gauge Only [] "netpol_required_flows_dropped"
        "Required flows that have no series of their own, because there are more than --flows.max-series";
    MISMATCHES: Gauge Only ["kind", "source_namespace", "destination_namespace"] "netpol_mismatches"
        "Required flows that are not as they should be: blocked_by_policy, broken_not_policy, enforcement_gap, app_down, evidence_lost, node_disagreement (pairs of nodes of which the policies say the same, and the network does not)";
    FLOW_PROBLEMS: Gauge Only [] "netpol_required_flow_problems"
        "Files and lines of required flows that cannot be understood";
    POLICY_FINDINGS: Gauge Only ["policy_kind", "policy_namespace", "policy", "finding"] "netpol_policy_findings"
        "What is odd about a policy, by how often it is";
    POLICIES_REFUSED: Gauge Only ["policy_kind", "policy_namespace", "policy"] "netpol_policy_refused"
        "Fields for which the API server would refuse a policy, which is therefore not in force here";
    WORKLOADS: Gauge Only ["namespace"] "netpol_workloads"
        "Workloads with at least one pod";
    ISOLATED: Gauge Only ["namespace", "direction"] "netpol_isolated_workloads"
        "Workloads with a pod that a NetworkPolicy isolates, by direction";
    REACHABLE: Gauge Only ["source_namespace"] "netpol_reachable_workload_pairs"
        "Pairs of workloads of which the first may dial the second on at least one port that the second's containers declare";
    UNREQUIRED: Gauge Only ["source_namespace"] "netpol_unrequired_reachable_workload_pairs"
        "Those of netpol_reachable_workload_pairs that no required flow needs: what policies let through for nothing";
    AGENTS: Gauge Only ["role", "state"] "netpol_agents"
        "Agents that have reported, by role (pod: beside a pod's containers, node: on a node's own network) and state (up, silent)";
    AGENT_UP: Gauge Only ["node"] "netpol_agent_up"
        "1 while a node's own agent, which makes the control dials, reports; 0 when it has stopped";
    DIALS_PLANNED: Gauge Only ["purpose"] "netpol_dials_planned"
        "Connections that agents are to try, by purpose: flow, control (the same listener from its own node, which every policy lets through)";
    DIAL_INTERVAL: Gauge Only [] "netpol_dial_interval_seconds"
        "From one dial of a pair to the next: longer than --dial.interval where --dial.max-rate is reached";
    DIALS: Counter Only ["protocol", "outcome"] "netpol_dials_total"
        "Dials that agents have reported, by outcome";
    DIAL_DURATION: Histogram Only [] "netpol_dial_duration_seconds"
        "How long dials took that reached the other end";
    REPORTS: Counter Only ["result"] "netpol_reports_total"
        "Reports of agents: accepted, unauthorized (nobody's token), forbidden (another's token, or an unknown pod), malformed, unread (too large or too slow), flood, unreviewed (the API server did not say whose token it is)";
    SIGHTINGS_DROPPED: Counter Only ["reason"] "netpol_sightings_dropped_total"
        "Dials in accepted reports that were left out: not_planned (of an earlier plan, or made up), not_its_own (another agent's), too_old";
    LEARNT: Gauge Only [] "netpol_learnt_flows"
        "Flows that applications were seen to use by agents with --learn, required ones too; /learnt.yaml lists those that are not";
    UNLEARNT: Counter Only ["reason"] "netpol_peers_dropped_total"
        "Connections of applications in accepted reports that teach nothing: not_its_own (of an agent on a node), host_network (everybody's connections), nobody (loopback and the like), too_many";
    LATENCY: Histogram Only [] "netpol_enforcement_latency_seconds"
        "From a changed verdict to the first dial that agrees with it: how long the network took to follow, at most";
    DURATION: Histogram Only [] "netpol_evaluation_duration_seconds"
        "How long the required flows took to be judged after a change";
    PODS: Gauge Only [] "netpol_evaluation_pods"
        "Pods with a network that were judged";
    POLICIES: Gauge Only [] "netpol_evaluation_policies"
        "Policies in force, of all kinds";
    CLASSES: Gauge Only [] "netpol_evaluation_classes"
        "Kinds of pods that policies can tell apart";
    PORT_ATOMS: Gauge Only [] "netpol_evaluation_port_atoms"
        "Stretches of ports on which no policy changes its mind, over all groups of pods";
    FINDINGS_TIMESTAMP: Gauge Only [] "netpol_evaluation_timestamp_seconds"
        "When the findings on this page were last known to be up to date, in seconds since the epoch";
}
