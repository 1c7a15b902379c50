//! The command line of `grpc_health_probe`, as pods run it in exec probes.
//!
//! Follows `main.go` of grpc-ecosystem/grpc-health-probe v0.4.56 and Go's `flag` package: one dash or two,
//! `-name=value` or `-name value`, no value after a bare boolean, an end at the first word that is no flag.

use std::time::Duration;

/// What an exec probe asks of `grpc_health_probe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeCommand {
    /// The program as written: its path differs from image to image.
    pub program: String,
    /// `-addr`, as written; empty if it is missing.
    pub address: String,
    /// `-service`; empty means the whole server.
    pub service: String,
    /// `-connect-timeout`: TCP, TLS and SETTINGS.
    pub connect_timeout: Duration,
    /// `-rpc-timeout`: the check alone, after the connection.
    pub rpc_timeout: Duration,
    /// `-tls`.
    pub tls: bool,
    /// `-tls-no-verify`.
    pub tls_no_verify: bool,
    /// `-tls-ca-cert`: a path inside the container.
    pub tls_ca_cert: Option<String>,
    /// `-tls-server-name`.
    pub tls_server_name: Option<String>,
    /// Flags that nobody outside the container can follow: client certificates, ALTS, SPIFFE, headers, gzip.
    pub inside_only: Vec<&'static str>,
}

/// What is wrong with a command line. The program itself stops at the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandProblem {
    /// There is no default for it.
    #[error("-addr is missing: the probe fails each time")]
    MissingAddress,
    /// The program would print its usage and fail.
    #[error("{0} is not a flag of grpc_health_probe: the probe fails each time")]
    UnknownFlag(String),
    /// The last word is a flag that wants a value.
    #[error("-{0} wants a value: the probe fails each time")]
    MissingValue(&'static str),
    /// Not a duration, not a boolean.
    #[error("-{flag}: {value:?} cannot be read: the probe fails each time")]
    BadValue {
        /// Which.
        flag: &'static str,
        /// As written.
        value: String,
    },
    /// A variable that only the container knows.
    #[error("-{flag}: {value:?} holds a variable whose value is known inside the container only")]
    Variable {
        /// Which.
        flag: &'static str,
        /// As written.
        value: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Time,
    Switch,
}

/// Every flag that the program has.
const FLAGS: [(&str, Kind); 17] = [
    ("addr", Kind::Text),
    ("alts", Kind::Switch),
    ("connect-timeout", Kind::Time),
    ("gzip", Kind::Switch),
    ("rpc-header", Kind::Text),
    ("rpc-timeout", Kind::Time),
    ("service", Kind::Text),
    ("spiffe", Kind::Switch),
    ("tls", Kind::Switch),
    ("tls-ca-cert", Kind::Text),
    ("tls-client-cert", Kind::Text),
    ("tls-client-key", Kind::Text),
    ("tls-no-verify", Kind::Switch),
    ("tls-server-name", Kind::Text),
    ("user-agent", Kind::Text),
    ("v", Kind::Switch),
    ("version", Kind::Switch),
];
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);

// === impl ProbeCommand ===

impl ProbeCommand {
    /// Reads an exec probe's command, with all problems. `None` if it runs something else.
    ///
    /// A shell's `-c` is looked into: the first simple command in it that runs the program counts.
    pub fn parse<S: AsRef<str>>(command: &[S]) -> Option<(Self, Vec<CommandProblem>)> {
        let words: Vec<String> = command
            .iter()
            .map(|word| word.as_ref().to_owned())
            .collect();
        if let Some(script) = shell_script(&words) {
            return simple_commands(script)
                .iter()
                .find_map(|words| Self::parse_words(words));
        }
        Self::parse_words(&words)
    }

    fn parse_words(words: &[String]) -> Option<(Self, Vec<CommandProblem>)> {
        let position = words.iter().position(|word| is_program(word))?;
        if !words.iter().take(position).all(|word| is_prefix(word)) {
            return None;
        }
        let mut command = Self {
            program: words.get(position)?.clone(),
            address: String::new(),
            service: String::new(),
            connect_timeout: DEFAULT_TIMEOUT,
            rpc_timeout: DEFAULT_TIMEOUT,
            tls: false,
            tls_no_verify: false,
            tls_ca_cert: None,
            tls_server_name: None,
            inside_only: Vec::new(),
        };
        let mut problems = Vec::new();
        let mut rest = words.iter().skip(position + 1);
        while let Some(word) = rest.next() {
            let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                break;
            };
            if flag.is_empty() {
                break;
            }
            let (name, mut value) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let Some((name, kind)) = FLAGS.into_iter().find(|(known, _)| *known == name) else {
                problems.push(CommandProblem::UnknownFlag(word.clone()));
                continue;
            };
            if value.is_none() {
                value = match kind {
                    Kind::Switch => Some("true".to_owned()),
                    Kind::Text | Kind::Time => rest.next().cloned(),
                };
            }
            match value {
                Some(value) => problems.extend(command.set(name, kind, value)),
                None => problems.push(CommandProblem::MissingValue(name)),
            }
        }
        if command.address.is_empty() {
            problems.push(CommandProblem::MissingAddress);
        }
        Some((command, problems))
    }

    fn set(&mut self, flag: &'static str, kind: Kind, value: String) -> Option<CommandProblem> {
        let variable = value.contains('$') || value.contains('`');
        let bad = |value| Some(CommandProblem::BadValue { flag, value });
        match kind {
            Kind::Time => match go_duration(&value) {
                Some(time) if flag == "connect-timeout" => self.connect_timeout = time,
                Some(time) => self.rpc_timeout = time,
                None if variable => return Some(CommandProblem::Variable { flag, value }),
                None => return bad(value),
            },
            Kind::Switch => match go_boolean(&value) {
                Some(set) => self.switch(flag, set),
                None => return bad(value),
            },
            Kind::Text => {
                self.text(flag, value.clone());
                if variable {
                    return Some(CommandProblem::Variable { flag, value });
                }
            }
        }
        None
    }

    fn switch(&mut self, flag: &'static str, set: bool) {
        match flag {
            "tls" => self.tls = set,
            "tls-no-verify" => self.tls_no_verify = set,
            "alts" | "spiffe" | "gzip" if set => self.inside_only.push(flag),
            _ => {}
        }
    }

    fn text(&mut self, flag: &'static str, value: String) {
        match flag {
            "addr" => self.address = value,
            "service" => self.service = value,
            "tls-ca-cert" => self.tls_ca_cert = Some(value),
            "tls-server-name" => self.tls_server_name = Some(value),
            "user-agent" => {}
            _ => self.inside_only.push(flag),
        }
    }

    /// The TCP port of the address, if it has one in figures.
    pub fn port(&self) -> Option<u16> {
        let (_, port) = self.address.rsplit_once(':')?;
        port.parse().ok().filter(|port| *port != 0)
    }

    /// Whether it dials its own pod: the only thing that somebody outside can dial in its stead.
    pub fn is_local(&self) -> bool {
        let Some((host, _)) = self.address.rsplit_once(':') else {
            return false;
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        matches!(host, "" | "localhost" | "::1" | "::" | "0.0.0.0") || host.starts_with("127.")
    }

    /// What is left of its own two budgets when the kubelet's ends first. Connection and check are bounded one by
    /// one, so this is what they may take together at most.
    pub fn budget(&self, timeout: Duration) -> Duration {
        self.connect_timeout
            .saturating_add(self.rpc_timeout)
            .min(timeout)
    }
}

/// `grpc_health_probe`, `/bin/grpc_health_probe`, `/ko-app/grpc-health-probe`, with a platform behind it or not.
fn is_program(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    name.starts_with("grpc_health_probe") || name.starts_with("grpc-health-probe")
}

/// Words that may stand before the program and do not change what it does.
fn is_prefix(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    matches!(name, "exec" | "env" | "nice" | "tini" | "dumb-init" | "--")
        || word
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && !name.starts_with('-'))
}

/// The script of `sh -c SCRIPT`, whichever shell, whatever else is set.
fn shell_script(words: &[String]) -> Option<&str> {
    let name = words.first()?.rsplit('/').next()?;
    if !matches!(name, "sh" | "bash" | "ash" | "dash" | "busybox" | "zsh") {
        return None;
    }
    let position = words
        .iter()
        .position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    words.get(position + 1).map(String::as_str)
}

/// A script's simple commands, split at its operators, with quotes taken off.
fn simple_commands(script: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = script.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, ';' | '&' | '|' | '\n' | '(' | ')' | '<' | '>') => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    commands.push(words);
    commands
}

/// `strconv.ParseBool`.
fn go_boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// `time.ParseDuration`, for what is above zero: the program refuses anything else.
fn go_duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1e-9),
        ("us", 1e-6),
        ("µs", 1e-6),
        ("μs", 1e-6),
        ("ms", 1e-3),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|letter: char| letter.is_ascii_digit() || letter == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        seconds += number.parse::<f64>().ok()? * factor;
        rest = tail;
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| !duration.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(command: &[&str]) -> Option<(ProbeCommand, Vec<CommandProblem>)> {
        ProbeCommand::parse(command)
    }

    #[test]
    fn every_way_to_write_the_same_command() {
        let ways: &[&[&str]] = &[
            &["/bin/grpc_health_probe", "-addr=:7070", "-rpc-timeout=5s"],
            &["grpc_health_probe", "--addr=:7070", "--rpc-timeout", "5s"],
            &[
                "/ko-app/grpc-health-probe",
                "-addr",
                ":7070",
                "-rpc-timeout",
                "5000ms",
            ],
            &[
                "/usr/local/bin/grpc_health_probe-linux-amd64",
                "-v",
                "-addr=:7070",
                "-rpc-timeout=0.5s4500ms",
            ],
            &["sh", "-c", "grpc_health_probe -addr=:7070 -rpc-timeout=5s"],
            &[
                "/bin/sh",
                "-ec",
                "exec /bin/grpc_health_probe -addr=\":7070\" '-rpc-timeout=5s'",
            ],
            &[
                "/bin/bash",
                "-c",
                "test -f /ready && GRPC_GO_LOG=1 grpc_health_probe -addr :7070 -rpc-timeout 5s || exit 1",
            ],
            &[
                "grpc_health_probe",
                "-addr=:7070",
                "-tls=false",
                "-rpc-timeout=+5s",
                "stop",
                "-unknown",
            ],
            &[
                "env",
                "A=b",
                "grpc_health_probe",
                "-addr=:7070",
                "-rpc-timeout=5s",
            ],
        ];
        for way in ways {
            let (command, problems) = parse(way).unwrap();
            assert_eq!(problems, [], "{way:?}");
            assert_eq!(command.port(), Some(7070), "{way:?}");
            assert!(command.is_local(), "{way:?}");
            assert_eq!(command.rpc_timeout, Duration::from_secs(5), "{way:?}");
            assert_eq!(command.connect_timeout, Duration::from_secs(1), "{way:?}");
            assert!(!command.tls);
        }
    }

    #[test]
    fn other_commands_are_none_of_ours() {
        for command in [
            &["cat", "/tmp/healthy"][..],
            &["ls", "grpc_health_probe"],
            &["sh", "-c", "echo grpc_health_probe"],
            &["sh"],
            &[],
        ] {
            assert_eq!(parse(command), None, "{command:?}");
        }
    }

    #[test]
    fn every_problem_is_named() {
        let (command, problems) = parse(&[
            "grpc_health_probe",
            "-adr=:1",
            "-connect-timeout=5",
            "-rpc-timeout=-1s",
            "-tls=maybe",
            "-service=$SERVICE",
            "-connect-timeout",
        ])
        .unwrap();
        let bad = |flag, value: &str| CommandProblem::BadValue {
            flag,
            value: value.to_owned(),
        };
        assert_eq!(
            problems,
            [
                CommandProblem::UnknownFlag("-adr=:1".to_owned()),
                bad("connect-timeout", "5"),
                bad("rpc-timeout", "-1s"),
                bad("tls", "maybe"),
                CommandProblem::Variable {
                    flag: "service",
                    value: "$SERVICE".to_owned()
                },
                CommandProblem::MissingValue("connect-timeout"),
                CommandProblem::MissingAddress,
            ]
        );
        assert_eq!(command.rpc_timeout, DEFAULT_TIMEOUT);
    }

    #[test]
    fn addresses() {
        for (address, port, local) in [
            (":7070", Some(7070), true),
            ("localhost:50051", Some(50051), true),
            ("127.0.0.1:1", Some(1), true),
            ("[::1]:9555", Some(9555), true),
            ("redis:6379", Some(6379), false),
            ("unix:///tmp/socket", None, false),
            ("localhost:http", None, true),
            ("localhost:0", None, true),
            ("localhost:70000", None, true),
            ("7070", None, false),
        ] {
            let (command, _) = parse(&["grpc_health_probe", "-addr", address]).unwrap();
            assert_eq!(
                (command.port(), command.is_local()),
                (port, local),
                "{address}"
            );
        }
    }

    #[test]
    fn the_kubelets_timeout_ends_both_budgets() {
        let (command, _) = parse(&["grpc_health_probe", "-addr=:1", "-rpc-timeout=5s"]).unwrap();
        assert_eq!(
            command.budget(Duration::from_secs(1)),
            Duration::from_secs(1)
        );
        assert_eq!(
            command.budget(Duration::from_secs(10)),
            Duration::from_secs(6)
        );
    }

    #[test]
    fn durations_as_go_reads_them() {
        for (text, milliseconds) in [
            ("1s", Some(1000)),
            ("1.5s", Some(1500)),
            (".5s", Some(500)),
            ("1m30s", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("100000us", Some(100)),
            ("0", None),
            ("0s", None),
            ("5", None),
            ("", None),
            ("s", None),
            ("1.2.3s", None),
            ("1e3s", None),
            ("9999999999999999999999h", None),
        ] {
            let parsed = go_duration(text).map(|duration| duration.as_millis());
            assert_eq!(parsed, milliseconds, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_command_makes_it_panic(words in prop::collection::vec("[-=a-z:$'\"\\\\ 0-9;&|µ.]{0,12}", 0..8)) {
            let mut command = vec!["grpc_health_probe".to_owned()];
            command.extend(words.iter().cloned());
            prop_assert!(ProbeCommand::parse(&command).is_some());
            let script = format!("grpc_health_probe {}", words.join(" "));
            let (command, _) = ProbeCommand::parse(&["sh", "-c", &script]).unwrap();
            prop_assert!(command.budget(Duration::MAX) >= command.rpc_timeout);
        }
    }
}
