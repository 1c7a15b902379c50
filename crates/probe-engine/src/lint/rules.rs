//! The rules themselves.

use super::{Finding, GrpcPort, Handler, Rule, WrittenContainer, WrittenProbe};
use crate::command::{CommandProblem, ProbeCommand};
use crate::spec::{Field, ProbeFields, ProbeSpec, ProbeType, SpecProblem};

/// From here on, a delay is waiting for a slow start, which is what a startup probe is for.
const LONG_INITIAL_DELAY_SECONDS: u32 = 15;

/// One probe under examination.
struct Examined<'a> {
    container: &'a WrittenContainer,
    probe_type: ProbeType,
    probe: &'a WrittenProbe,
    spec: ProbeSpec,
    findings: &'a mut Vec<Finding>,
}

/// The rules that look at one probe.
pub(super) fn probe(
    container: &WrittenContainer,
    probe_type: ProbeType,
    probe: &WrittenProbe,
    findings: &mut Vec<Finding>,
) {
    let command = match &probe.handler {
        Handler::Grpc { .. } => None,
        Handler::Exec { command } => match ProbeCommand::parse(command) {
            Some(command) => Some(command),
            None => return,
        },
        Handler::Other => return,
    };
    let (spec, problems) = probe.fields.resolve(probe_type);
    let mut examined = Examined {
        container,
        probe_type,
        probe,
        spec,
        findings,
    };
    examined.numbers(&problems);
    examined.budget();
    match (&probe.handler, &command) {
        (Handler::Grpc { port, .. }, _) => examined.port(port),
        (_, Some((command, problems))) => examined.command(command, problems),
        _ => {}
    }
}

/// The rules that look at liveness and readiness side by side. Those with different handlers can fail apart.
pub(super) fn pair(container: &WrittenContainer, findings: &mut Vec<Finding>) {
    let (Some(liveness), Some(readiness)) = (&container.liveness, &container.readiness) else {
        return;
    };
    let speaks_grpc = match &liveness.handler {
        Handler::Grpc { .. } => true,
        Handler::Exec { command } => ProbeCommand::parse(command).is_some(),
        Handler::Other => false,
    };
    if !speaks_grpc || liveness.handler != readiness.handler {
        return;
    }
    let (liveness_spec, _) = liveness.fields.resolve(ProbeType::Liveness);
    let (readiness_spec, _) = readiness.fields.resolve(ProbeType::Readiness);
    let (kill, unready) = (liveness_spec.detection(), readiness_spec.detection());
    let (rule, message) = if kill == unready {
        (
            Rule::LivenessSameAsReadiness,
            "it is readiness once more: a slow container is killed when it should only be spared; give liveness more time or more failures"
                .to_owned(),
        )
    } else if kill.worst < unready.worst {
        (
            Rule::LivenessBeforeReadiness,
            format!(
                "kills after {} s at worst, while readiness takes {} s to spare the container: give liveness more time or more failures",
                kill.worst.as_secs(),
                unready.worst.as_secs()
            ),
        )
    } else {
        return;
    };
    Examined {
        container,
        probe_type: ProbeType::Liveness,
        probe: liveness,
        spec: liveness_spec,
        findings,
    }
    .find(rule, "", message);
}

// === impl Examined ===

impl Examined<'_> {
    fn find(&mut self, rule: Rule, field: &str, message: String) {
        let dot = if field.is_empty() { "" } else { "." };
        self.findings.push(Finding {
            rule,
            severity: rule.severity(),
            probe_type: self.probe_type,
            field: format!(
                "{}.{}{dot}{field}",
                self.container.path,
                self.probe_type.field()
            ),
            message,
        });
    }

    fn numbers(&mut self, problems: &[SpecProblem]) {
        for problem in problems {
            let rule = match problem {
                SpecProblem::SuccessThresholdNotOne { .. } => Rule::SuccessThresholdNotOne,
                _ => Rule::NumberRefused,
            };
            let text = problem.to_string();
            // The field stands before it already.
            let message = text
                .split_once(": ")
                .map_or(text.as_str(), |(_, rest)| rest);
            self.find(rule, problem.field().as_str(), message.to_owned());
        }
        let ProbeFields {
            timeout_seconds,
            period_seconds,
            failure_threshold,
            success_threshold,
            ..
        } = self.probe.fields;
        let spec = self.spec;
        for (field, written, default) in [
            (Field::TimeoutSeconds, timeout_seconds, spec.timeout_seconds),
            (Field::PeriodSeconds, period_seconds, spec.period_seconds),
            (
                Field::FailureThreshold,
                failure_threshold,
                spec.failure_threshold,
            ),
            (
                Field::SuccessThreshold,
                success_threshold,
                spec.success_threshold,
            ),
        ] {
            if written == Some(0) {
                let message = format!("0 is not kept: the API server makes it {default}");
                self.find(Rule::ZeroMeansDefault, field.as_str(), message);
            }
        }
    }

    fn budget(&mut self) {
        let ProbeSpec {
            timeout_seconds,
            period_seconds,
            failure_threshold,
            initial_delay_seconds,
            ..
        } = self.spec;
        let liveness = self.probe_type == ProbeType::Liveness;
        if liveness && timeout_seconds == 1 {
            self.find(
                Rule::DefaultTimeout,
                Field::TimeoutSeconds.as_str(),
                "1 s, the default, for connection and answer together: a busy process or a single lost SYN (sent again after 1 s) fails it"
                    .to_owned(),
            );
        }
        if timeout_seconds > period_seconds {
            self.find(
                Rule::TimeoutExceedsPeriod,
                Field::TimeoutSeconds.as_str(),
                format!(
                    "{timeout_seconds} s in a period of {period_seconds} s: failing probes follow each other without a pause"
                ),
            );
        }
        if self.probe_type.kills() && failure_threshold == 1 {
            self.find(
                Rule::SingleFailure,
                Field::FailureThreshold.as_str(),
                "a single failure kills the container".to_owned(),
            );
        }
        if liveness
            && initial_delay_seconds >= LONG_INITIAL_DELAY_SECONDS
            && self.container.startup.is_none()
        {
            self.find(
                Rule::InitialDelayWithoutStartup,
                Field::InitialDelaySeconds.as_str(),
                format!(
                    "{initial_delay_seconds} s without liveness after every restart, and no more if the start takes longer: a startupProbe waits as long as it takes"
                ),
            );
        }
    }

    fn port(&mut self, port: &GrpcPort) {
        let (rule, message) = match port {
            GrpcPort::Missing => (
                Rule::PortMissing,
                "a gRPC probe needs a port number".to_owned(),
            ),
            GrpcPort::Name(name) => (
                Rule::PortNamed,
                self.container
                    .ports
                    .iter()
                    .find(|port| port.name.as_ref() == Some(name))
                    .map_or_else(
                        || format!("a gRPC probe takes a number only, and {name:?} is no port of this container"),
                        |port| format!("a gRPC probe takes a number only: write {} for {name:?}", port.number),
                    ),
            ),
            GrpcPort::Number(number) if !(1..=65_535).contains(number) => (
                Rule::PortOutOfRange,
                format!("{number} is not between 1 and 65535"),
            ),
            GrpcPort::Number(number) => return self.declared(*number, "grpc.port"),
        };
        self.find(rule, "grpc.port", message);
    }

    /// A list of ports is a list of all ports, mostly; no list says nothing.
    fn declared(&mut self, number: i64, field: &str) {
        let ports = &self.container.ports;
        if ports.is_empty() || ports.iter().any(|port| port.number == number) {
            return;
        }
        let message = format!("{number} is none of the container's declared ports");
        self.find(Rule::PortUndeclared, field, message);
    }

    fn command(&mut self, command: &ProbeCommand, problems: &[CommandProblem]) {
        const FIELD: &str = "exec.command";
        let variable =
            |problem: &CommandProblem| matches!(problem, CommandProblem::Variable { .. });
        for problem in problems.iter().filter(|problem| !variable(problem)) {
            self.find(Rule::CommandUnusable, FIELD, problem.to_string());
        }
        let timeout = self.spec.timeout();
        for (rule, flag, own) in [
            (
                Rule::ConnectTimeoutCutShort,
                "-connect-timeout",
                command.connect_timeout,
            ),
            (
                Rule::RpcTimeoutCutShort,
                "-rpc-timeout",
                command.rpc_timeout,
            ),
        ] {
            if own > timeout {
                let message = format!(
                    "{flag} is {own:?}, but the kubelet ends the command after timeoutSeconds: {}",
                    self.spec.timeout_seconds
                );
                self.find(rule, FIELD, message);
            }
        }
        if let Some(port) = command.port() {
            let plain = !command.tls && command.inside_only.is_empty();
            if plain && command.is_local() && problems.is_empty() {
                let message = format!(
                    "a native probe (grpc: {{port: {port}}}) does the same without starting a process in the container"
                );
                self.find(Rule::ExecWhereNativeWouldDo, FIELD, message);
            }
            if command.is_local() {
                self.declared(port.into(), FIELD);
            }
        }
    }
}
