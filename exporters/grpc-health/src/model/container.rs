//! What a container's probes ask for, and what the kubelet was seen doing about them.

use std::net::IpAddr;
use std::time::Duration;

use probe_engine::{GrpcPort, Probe, ProbeCommand, ProbeSpec, ProbeType, lint};

use super::agreement::{Agreed, Agreement, Tolerance};
use super::pod::{Container, Exit, Pod, State};
use super::target::{Mode, PredictedKill};

/// What is to be measured of a container.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// Each once, however many probes ask it.
    pub handlers: Vec<Handler>,
    /// Why some of it cannot be measured; bounded label values.
    pub problems: Vec<&'static str>,
    /// How far apart predictions and observations of the same kill may lie.
    pub tolerance: Tolerance,
}

/// A handler to be measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// The pod's; `None` while there is nobody to ask.
    pub address: Option<IpAddr>,
    /// The handler's.
    pub port: u16,
    /// Empty for the server as a whole.
    pub service: String,
    /// Whether to speak TLS.
    pub tls: bool,
    /// Which probes ask it.
    pub probes: Vec<Asked>,
}

/// A probe that asks a handler.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Type and numbers.
    pub probe: Probe,
    /// Native or exec.
    pub mode: Mode,
    /// Rules of the lint that it breaks.
    pub lint: Vec<&'static str>,
}

/// A container as it was seen so far.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Its name in the pod.
    pub name: String,
    /// Why some of it cannot be measured.
    pub problems: Vec<&'static str>,
    /// When our first attempt began; what happened before is none of our verdicts.
    pub watched_since: Option<Duration>,
    /// Kills for a failed probe.
    pub observed_kills: u64,
    restarts: u32,
    /// Until when restarts have told of kills, so that events about them are nothing new.
    told_until: Option<Duration>,
    tolerance: Tolerance,
    agreement: Agreement,
}

/// Events have whole seconds, clocks differ a little, and the watch takes its time.
const SLACK: Duration = Duration::from_secs(5);

impl Wanted {
    /// What the kubelet probes by gRPC in this container.
    pub fn of(container: &Container, pod: &Pod) -> Self {
        let mut wanted = Self::default();
        let running = container.state != State::NotRunning;
        for (probe_type, probe) in container.written.probes() {
            let asks = match Asks::of(&probe.handler) {
                None => continue,
                Some(Err(problem)) => {
                    wanted.problem(problem);
                    continue;
                }
                Some(Ok(asks)) => asks,
            };
            if !running {
                wanted.problem("container_not_running");
            } else if pod.address.is_none() {
                wanted.problem("pod_without_address");
            }
            let (spec, refused) = probe.fields.resolve(probe_type);
            if !refused.is_empty() {
                wanted.problem("numbers_refused");
            }
            let spec = asks
                .command
                .as_ref()
                .map_or(spec, |command| within_command(spec, command));
            let grace = Duration::from_secs(pod.grace.into());
            let phases = spec.period() + spec.timeout();
            let tolerance = Tolerance {
                phases,
                meeting: phases + grace + SLACK,
            };
            wanted.tolerance = wanted.tolerance.wider(tolerance);
            let asked = Asked {
                probe: Probe {
                    probe_type,
                    spec,
                    pod_grace_seconds: Some(pod.grace),
                },
                mode: if asks.command.is_some() {
                    Mode::Exec
                } else {
                    Mode::Native
                },
                lint: broken_rules(container, probe_type),
            };
            wanted.ask(asks, pod.address.filter(|_| running), asked);
        }
        wanted
    }

    fn ask(&mut self, asks: Asks, address: Option<IpAddr>, asked: Asked) {
        let Asks {
            port, service, tls, ..
        } = asks;
        let same = |known: &&mut Handler| (known.port, &known.service) == (port, &service);
        match self.handlers.iter_mut().find(same) {
            // A port speaks one of the two, so that one of the probes fails for ever: told, and not measured.
            Some(known) if known.tls != tls => self.problem("tls_and_plaintext"),
            Some(known) => known.probes.push(asked),
            None => self.handlers.push(Handler {
                address,
                port,
                service,
                tls,
                probes: vec![asked],
            }),
        }
    }

    /// Whether there is nothing of ours in the container.
    pub fn is_none(&self) -> bool {
        self.handlers.is_empty() && self.problems.is_empty()
    }

    fn problem(&mut self, problem: &'static str) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

/// What one probe asks, as far as somebody outside the container can ask it.
struct Asks {
    port: u16,
    service: String,
    tls: bool,
    command: Option<ProbeCommand>,
}

impl Asks {
    /// `None` for what is no gRPC probe; a bounded label value for what cannot be asked.
    fn of(handler: &probe_engine::Handler) -> Option<Result<Self, &'static str>> {
        match handler {
            probe_engine::Handler::Other => None,
            probe_engine::Handler::Grpc { port, service, tls } => Some(match port {
                GrpcPort::Missing => Err("port_missing"),
                GrpcPort::Name(_) => Err("port_named"),
                GrpcPort::Number(number) => match u16::try_from(*number) {
                    Err(_) | Ok(0) => Err("port_out_of_range"),
                    Ok(port) => {
                        let service = service.clone().unwrap_or_default();
                        Ok(Self {
                            port,
                            service,
                            tls: *tls,
                            command: None,
                        })
                    }
                },
            }),
            probe_engine::Handler::Exec { command } => {
                let (command, _) = ProbeCommand::parse(command)?;
                let port = command.port().filter(|_| command.is_local());
                Some(port.ok_or("exec_address_not_reachable").map(|port| Self {
                    port,
                    service: command.service.clone(),
                    tls: command.tls,
                    command: Some(command),
                }))
            }
        }
    }
}

fn broken_rules(container: &Container, probe_type: ProbeType) -> Vec<&'static str> {
    let findings = lint(&container.written);
    let mut rules: Vec<_> = findings
        .iter()
        .filter(|finding| finding.probe_type == probe_type)
        .map(|finding| finding.rule.as_str())
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// The budget of an exec probe, which ends with the command's own budgets if they are smaller. In whole seconds,
/// rounded up: the command counts its two budgets apart, so that this is the most that it can take.
fn within_command(spec: ProbeSpec, command: &ProbeCommand) -> ProbeSpec {
    let budget = command.budget(spec.timeout());
    let seconds = budget.as_secs() + u64::from(budget.subsec_nanos() > 0);
    ProbeSpec {
        timeout_seconds: u32::try_from(seconds).unwrap_or(u32::MAX).max(1),
        ..spec
    }
}

impl Observed {
    /// A container seen for the first time: its past restarts are none of ours.
    pub fn new(container: &Container) -> Self {
        Self {
            name: container.name.clone(),
            problems: Vec::new(),
            watched_since: None,
            observed_kills: 0,
            restarts: container.restarts,
            told_until: None,
            tolerance: Tolerance::default(),
            agreement: Agreement::default(),
        }
    }

    /// Takes over a new version. `by_restarts`: there are no events to read, so that a restart by signal has to
    /// do as evidence of a kill. `near`: a kill would fit what was measured.
    pub fn update(
        &mut self,
        container: &Container,
        wanted: &Wanted,
        by_restarts: bool,
        near: bool,
    ) {
        self.problems.clone_from(&wanted.problems);
        self.tolerance = self.tolerance.wider(wanted.tolerance);
        let restarted = container.restarts > self.restarts;
        self.restarts = container.restarts;
        if let (
            true,
            Some(Exit {
                at,
                by_signal: true,
            }),
        ) = (restarted, container.last_exit)
        {
            if by_restarts {
                self.killed(at, 1, near);
                self.told_until = Some(at);
            } else if near {
                // The event that tells of it may have come already, or be on its way.
                self.agreement.admit(at, self.tolerance);
            }
        }
    }

    /// The kubelet killed it for a failed probe, so many times by now, the last time at `at`. `near`: that fits what was measured.
    pub fn killed(&mut self, at: Duration, times: u64, near: bool) {
        let is_ours = self.watched_since.is_some_and(|since| at >= since);
        if is_ours && self.told_until.is_none_or(|told| at > told) {
            self.observed_kills += times;
            self.agreement.observe(at, self.tolerance);
            if near {
                self.agreement.admit(at, self.tolerance);
            }
        }
    }

    /// The kubelet would have killed it.
    pub fn predicted(&mut self, kill: PredictedKill) {
        self.agreement
            .predict(kill.at, kill.certain, self.tolerance);
    }

    /// See [`Agreement::settle`].
    pub fn settle(&mut self, now: Duration) {
        self.agreement.settle(now, self.tolerance);
    }

    /// How predictions and observations met.
    pub fn agreed(&self) -> Agreed {
        self.agreement.agreed()
    }
}
