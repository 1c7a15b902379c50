//! What is wrong with a container's probes before anything runs.
//!
//! Probes that speak gRPC are looked at: native ones, and exec probes that run `grpc_health_probe`. Others only where
//! they stand beside one.

mod rules;

use std::fmt;

use crate::spec::{ProbeFields, ProbeType};

/// One container's probes, as somebody wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenContainer {
    /// Where it stands in its object: `spec.containers[0]`, `spec.template.spec.containers[1]`.
    pub path: String,
    /// Its declared ports.
    pub ports: Vec<WrittenPort>,
    /// `livenessProbe`
    pub liveness: Option<WrittenProbe>,
    /// `readinessProbe`
    pub readiness: Option<WrittenProbe>,
    /// `startupProbe`
    pub startup: Option<WrittenProbe>,
}

/// A declared container port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenPort {
    /// `containerPort`
    pub number: i64,
    /// `name`, if it has one.
    pub name: Option<String>,
}

/// A probe as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenProbe {
    /// Its numbers.
    pub fields: ProbeFields,
    /// What it does.
    pub handler: Handler,
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handler {
    /// `grpc`
    Grpc {
        /// `port`, in whatever form.
        port: GrpcPort,
        /// `service`; missing means the whole server.
        service: Option<String>,
        /// Whether `mode` is `TLS` (KEP-4939, from Kubernetes 1.37 on; no certificate is verified).
        tls: bool,
    },
    /// `exec`
    Exec {
        /// `command`
        command: Vec<String>,
    },
    /// `httpGet`, `tcpSocket`: none of ours.
    Other,
}

/// `grpc.port` as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcPort {
    /// As it has to be.
    Number(i64),
    /// A name, which other handlers would take.
    Name(String),
    /// Not there.
    Missing,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Will hurt on a bad day.
    Warning,
    /// The API server refuses it, or the probe cannot do what it says.
    Error,
}

/// A rule, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A number that the API server refuses.
    NumberRefused,
    /// A written zero, for which the API server puts its default.
    ZeroMeansDefault,
    /// `successThreshold` other than 1 on liveness or startup.
    SuccessThresholdNotOne,
    /// `grpc.port` is not there.
    PortMissing,
    /// `grpc.port` is a name.
    PortNamed,
    /// `grpc.port` is not between 1 and 65535.
    PortOutOfRange,
    /// The probed port is none of the container's.
    PortUndeclared,
    /// `grpc_health_probe` would not run with this command line.
    CommandUnusable,
    /// The kubelet ends the command before its own `-connect-timeout` does.
    ConnectTimeoutCutShort,
    /// The kubelet ends the command before its own `-rpc-timeout` does.
    RpcTimeoutCutShort,
    /// A native gRPC probe would do the same without a process in the container.
    ExecWhereNativeWouldDo,
    /// A liveness probe with the default of one second.
    DefaultTimeout,
    /// `timeoutSeconds` greater than `periodSeconds`.
    TimeoutExceedsPeriod,
    /// One failure decides.
    SingleFailure,
    /// A long `initialDelaySeconds` where a startup probe belongs.
    InitialDelayWithoutStartup,
    /// Liveness and readiness are the same.
    LivenessSameAsReadiness,
    /// Liveness decides before readiness does.
    LivenessBeforeReadiness,
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// How bad.
    pub severity: Severity,
    /// On which probe.
    pub probe_type: ProbeType,
    /// Where: `spec.containers[0].livenessProbe.timeoutSeconds`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Everything that is wrong with a container's gRPC probes, worst first.
pub fn lint(container: &WrittenContainer) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (probe_type, probe) in container.probes() {
        rules::probe(container, probe_type, probe, &mut findings);
    }
    rules::pair(container, &mut findings);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

// === impl WrittenContainer ===

impl WrittenContainer {
    /// Its probes, in the kubelet's order.
    pub fn probes(&self) -> impl Iterator<Item = (ProbeType, &WrittenProbe)> {
        [
            (ProbeType::Liveness, &self.liveness),
            (ProbeType::Readiness, &self.readiness),
            (ProbeType::Startup, &self.startup),
        ]
        .into_iter()
        .filter_map(|(probe_type, probe)| Some((probe_type, probe.as_ref()?)))
    }
}

// === impl Rule ===

impl Rule {
    /// All rules, those that find errors first.
    pub const ALL: [Self; 17] = [
        Self::NumberRefused,
        Self::SuccessThresholdNotOne,
        Self::PortMissing,
        Self::PortNamed,
        Self::PortOutOfRange,
        Self::CommandUnusable,
        Self::RpcTimeoutCutShort,
        Self::ConnectTimeoutCutShort,
        Self::ZeroMeansDefault,
        Self::DefaultTimeout,
        Self::TimeoutExceedsPeriod,
        Self::SingleFailure,
        Self::LivenessSameAsReadiness,
        Self::LivenessBeforeReadiness,
        Self::InitialDelayWithoutStartup,
        Self::ExecWhereNativeWouldDo,
        Self::PortUndeclared,
    ];

    /// The name, as a label value and for whoever wants to look it up.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NumberRefused => "number-refused",
            Self::ZeroMeansDefault => "zero-means-default",
            Self::SuccessThresholdNotOne => "success-threshold-not-one",
            Self::PortMissing => "port-missing",
            Self::PortNamed => "port-named",
            Self::PortOutOfRange => "port-out-of-range",
            Self::PortUndeclared => "port-undeclared",
            Self::CommandUnusable => "command-unusable",
            Self::ConnectTimeoutCutShort => "connect-timeout-cut-short",
            Self::RpcTimeoutCutShort => "rpc-timeout-cut-short",
            Self::ExecWhereNativeWouldDo => "exec-where-native-would-do",
            Self::DefaultTimeout => "default-timeout",
            Self::TimeoutExceedsPeriod => "timeout-exceeds-period",
            Self::SingleFailure => "single-failure",
            Self::InitialDelayWithoutStartup => "initial-delay-without-startup",
            Self::LivenessSameAsReadiness => "liveness-same-as-readiness",
            Self::LivenessBeforeReadiness => "liveness-before-readiness",
        }
    }

    /// How bad it is.
    pub const fn severity(self) -> Severity {
        match self {
            Self::NumberRefused
            | Self::SuccessThresholdNotOne
            | Self::PortMissing
            | Self::PortNamed
            | Self::PortOutOfRange
            | Self::CommandUnusable => Severity::Error,
            Self::RpcTimeoutCutShort
            | Self::ConnectTimeoutCutShort
            | Self::ZeroMeansDefault
            | Self::DefaultTimeout
            | Self::TimeoutExceedsPeriod
            | Self::SingleFailure
            | Self::LivenessSameAsReadiness
            | Self::LivenessBeforeReadiness => Severity::Warning,
            Self::InitialDelayWithoutStartup
            | Self::ExecWhereNativeWouldDo
            | Self::PortUndeclared => Severity::Info,
        }
    }
}

// === impl Severity ===

impl Severity {
    /// In lower case, as alerts spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

// === impl Finding ===

impl fmt::Display for Finding {
    /// `warning[default-timeout] spec.containers[0].livenessProbe: ...`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (severity, rule) = (self.severity.as_str(), self.rule.as_str());
        write!(
            formatter,
            "{severity}[{rule}] {}: {}",
            self.field, self.message
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A native probe that no rule minds.
    fn native() -> WrittenProbe {
        WrittenProbe {
            fields: ProbeFields {
                timeout_seconds: Some(5),
                period_seconds: Some(15),
                ..ProbeFields::default()
            },
            handler: Handler::Grpc {
                port: GrpcPort::Number(7070),
                service: None,
                tls: false,
            },
        }
    }

    fn exec(words: &str) -> WrittenProbe {
        WrittenProbe {
            handler: Handler::Exec {
                command: words.split(' ').map(str::to_owned).collect(),
            },
            ..native()
        }
    }

    fn with(change: impl FnOnce(&mut ProbeFields)) -> WrittenProbe {
        let mut probe = native();
        change(&mut probe.fields);
        probe
    }

    fn to_port(port: GrpcPort) -> WrittenProbe {
        WrittenProbe {
            handler: Handler::Grpc {
                port,
                service: None,
                tls: false,
            },
            ..native()
        }
    }

    fn container(probe_type: ProbeType, probe: WrittenProbe) -> WrittenContainer {
        let mut container = WrittenContainer {
            path: "spec.containers[0]".to_owned(),
            ports: vec![WrittenPort {
                number: 7070,
                name: None,
            }],
            ..WrittenContainer::default()
        };
        let place = match probe_type {
            ProbeType::Liveness => &mut container.liveness,
            ProbeType::Readiness => &mut container.readiness,
            ProbeType::Startup => &mut container.startup,
        };
        *place = Some(probe);
        container
    }

    fn found(container: &WrittenContainer) -> Vec<String> {
        lint(container)
            .iter()
            .map(|finding| {
                let field = finding.field.strip_prefix("spec.containers[0].").unwrap();
                format!("{} {field}", finding.rule.as_str())
            })
            .collect()
    }

    fn check(table: &[(ProbeType, WrittenProbe, &[&str])]) {
        for (probe_type, probe, expected) in table {
            let found = found(&container(*probe_type, probe.clone()));
            assert_eq!(found, *expected, "{probe:?}");
        }
    }

    #[test]
    fn rules_on_numbers_find_their_own() {
        use ProbeType::{Liveness, Readiness, Startup};
        check(&[
            (Liveness, native(), &[]),
            (Readiness, native(), &[]),
            (Startup, native(), &[]),
            (
                Liveness,
                with(|fields| fields.timeout_seconds = None),
                &["default-timeout livenessProbe.timeoutSeconds"],
            ),
            (
                Liveness,
                with(|fields| fields.timeout_seconds = Some(1)),
                &["default-timeout livenessProbe.timeoutSeconds"],
            ),
            (Readiness, with(|fields| fields.timeout_seconds = None), &[]),
            (
                Readiness,
                with(|fields| fields.timeout_seconds = Some(0)),
                &["zero-means-default readinessProbe.timeoutSeconds"],
            ),
            (
                Readiness,
                with(|fields| fields.timeout_seconds = Some(16)),
                &["timeout-exceeds-period readinessProbe.timeoutSeconds"],
            ),
            (
                Readiness,
                with(|fields| fields.timeout_seconds = Some(15)),
                &[],
            ),
            (
                Liveness,
                with(|fields| fields.failure_threshold = Some(1)),
                &["single-failure livenessProbe.failureThreshold"],
            ),
            (
                Readiness,
                with(|fields| fields.failure_threshold = Some(1)),
                &[],
            ),
            (
                Liveness,
                with(|fields| fields.initial_delay_seconds = Some(15)),
                &["initial-delay-without-startup livenessProbe.initialDelaySeconds"],
            ),
            (
                Readiness,
                with(|fields| fields.initial_delay_seconds = Some(60)),
                &[],
            ),
            (
                Startup,
                with(|fields| {
                    fields.period_seconds = Some(-1);
                    fields.success_threshold = Some(2);
                }),
                &[
                    "number-refused startupProbe.periodSeconds",
                    "success-threshold-not-one startupProbe.successThreshold",
                ],
            ),
            (
                Readiness,
                with(|fields| fields.termination_grace_period_seconds = Some(3)),
                &["number-refused readinessProbe.terminationGracePeriodSeconds"],
            ),
        ]);
    }

    #[test]
    fn rules_on_handlers_find_their_own() {
        use ProbeType::Readiness;
        check(&[
            (
                Readiness,
                to_port(GrpcPort::Missing),
                &["port-missing readinessProbe.grpc.port"],
            ),
            (
                Readiness,
                to_port(GrpcPort::Name("grpc".to_owned())),
                &["port-named readinessProbe.grpc.port"],
            ),
            (
                Readiness,
                to_port(GrpcPort::Number(0)),
                &["port-out-of-range readinessProbe.grpc.port"],
            ),
            (
                Readiness,
                to_port(GrpcPort::Number(65_536)),
                &["port-out-of-range readinessProbe.grpc.port"],
            ),
            (
                Readiness,
                to_port(GrpcPort::Number(8080)),
                &["port-undeclared readinessProbe.grpc.port"],
            ),
            (
                Readiness,
                exec("/bin/grpc_health_probe -addr=:7070"),
                &["exec-where-native-would-do readinessProbe.exec.command"],
            ),
            (
                Readiness,
                exec("/bin/grpc_health_probe -addr=:7070 -tls -rpc-timeout=5s"),
                &[],
            ),
            (
                Readiness,
                exec("/bin/grpc_health_probe -addr=:7070 -tls -rpc-timeout=6s -connect-timeout=7s"),
                &[
                    "connect-timeout-cut-short readinessProbe.exec.command",
                    "rpc-timeout-cut-short readinessProbe.exec.command",
                ],
            ),
            (
                Readiness,
                exec("/bin/grpc_health_probe -addr :7070 -tls -speed=9"),
                &["command-unusable readinessProbe.exec.command"],
            ),
            (
                Readiness,
                exec("/bin/grpc_health_probe -addr=:$(PORT) -tls"),
                &[],
            ),
            (Readiness, exec("cat /tmp/ready"), &[]),
        ]);
    }

    #[test]
    fn a_startup_probe_answers_for_a_long_delay() {
        let late = with(|fields| fields.initial_delay_seconds = Some(60));
        let mut container = container(ProbeType::Liveness, late);
        container.startup = Some(native());
        assert_eq!(found(&container), Vec::<String>::new());
    }

    #[test]
    fn liveness_and_readiness_are_compared() {
        let mut container = container(ProbeType::Liveness, native());
        container.readiness = Some(native());
        assert_eq!(
            found(&container),
            ["liveness-same-as-readiness livenessProbe"]
        );
        container.readiness = Some(with(|fields| fields.failure_threshold = Some(4)));
        assert_eq!(
            found(&container),
            ["liveness-before-readiness livenessProbe"]
        );
        container.readiness = Some(with(|fields| fields.failure_threshold = Some(2)));
        assert_eq!(found(&container), Vec::<String>::new());
        // Different handlers can fail apart.
        container.readiness = Some(exec("/bin/grpc_health_probe -addr=:7070 -tls"));
        assert_eq!(found(&container), Vec::<String>::new());
    }

    #[test]
    fn cartservice_as_shipped() {
        let written = |period_seconds| WrittenProbe {
            fields: ProbeFields {
                initial_delay_seconds: Some(15),
                period_seconds,
                ..ProbeFields::default()
            },
            ..native()
        };
        let mut container = container(ProbeType::Liveness, written(Some(10)));
        container.readiness = Some(written(None));
        assert_eq!(
            found(&container),
            [
                "default-timeout livenessProbe.timeoutSeconds",
                "liveness-same-as-readiness livenessProbe",
                "initial-delay-without-startup livenessProbe.initialDelaySeconds",
            ]
        );
    }

    #[test]
    fn a_container_without_grpc_is_left_alone() {
        let other = WrittenProbe {
            handler: Handler::Other,
            ..with(|fields| fields.timeout_seconds = Some(-1))
        };
        let mut container = container(ProbeType::Liveness, other.clone());
        container.readiness = Some(other);
        assert_eq!(found(&container), Vec::<String>::new());
    }

    #[test]
    fn findings_read_as_one_line() {
        let container = container(ProbeType::Readiness, to_port(GrpcPort::Missing));
        let lines: Vec<_> = lint(&container).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "error[port-missing] spec.containers[0].readinessProbe.grpc.port: a gRPC probe needs a port number"
            ]
        );
    }

    #[test]
    fn every_rule_has_a_name_of_its_own() {
        let mut names = Rule::ALL.map(Rule::as_str).to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
        for name in names {
            assert!(
                name.chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '-')
            );
        }
    }
}
