//! Go's way to write flags, in ours: `-addr=x`, `-addr x` and `-tls=true` besides `--addr x` and `--tls`.

use std::ffi::OsString;

use clap::{ArgAction, Command};

/// Rewrites what only Go would understand. What is not a known flag is left alone.
pub(super) fn normalise(
    command: &Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let mut normal = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            normal.push(argument);
            normal.extend(arguments);
            return normal;
        }
        match argument.to_str().and_then(|text| known(command, text)) {
            Some(Known::Value(rewritten)) => normal.push(rewritten.into()),
            // The next argument is this one's value, whatever it looks like.
            Some(Known::Name(rewritten)) => {
                normal.push(rewritten.into());
                normal.extend(arguments.next());
            }
            Some(Known::Off) => {}
            None => normal.push(argument),
        }
    }
    normal
}

enum Known {
    /// Complete in itself.
    Value(String),
    /// A value has to follow.
    Name(String),
    /// A switch that is explicitly off.
    Off,
}

fn known(command: &Command, text: &str) -> Option<Known> {
    let bare = text.strip_prefix('-')?;
    let bare = bare.strip_prefix('-').unwrap_or(bare);
    let (name, value) = match bare.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (bare, None),
    };
    let argument = command
        .get_arguments()
        .find(|argument| argument.get_long() == Some(name))?;
    let is_switch = matches!(argument.get_action(), ArgAction::SetTrue);
    Some(match (is_switch, value) {
        (true, None | Some("true" | "TRUE" | "True" | "t" | "T" | "1")) => {
            Known::Value(format!("--{name}"))
        }
        (true, Some("false" | "FALSE" | "False" | "f" | "F" | "0")) => Known::Off,
        (_, Some(value)) => Known::Value(format!("--{name}={value}")),
        (false, None) => Known::Name(format!("--{name}")),
    })
}

#[cfg(test)]
mod tests {
    use clap::Args;

    use super::super::ProbeArgs;
    use super::*;

    fn normal(arguments: &[&str]) -> Vec<String> {
        let command = ProbeArgs::augment_args(Command::new("probe"));
        normalise(&command, arguments.iter().map(OsString::from))
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        for typed in [["-addr", "a:1"], ["--addr", "a:1"]] {
            assert_eq!(normal(&typed), ["--addr", "a:1"]);
        }
        assert_eq!(normal(&["-addr=a:1"]), ["--addr=a:1"]);
        assert_eq!(normal(&["-v", "a:1"]), ["-v", "a:1"]);
    }

    #[test]
    fn switches_may_be_spelt_out() {
        assert_eq!(normal(&["-tls=true", "-json=0"]), ["--tls"]);
        assert_eq!(normal(&["-tls", "a:1"]), ["--tls", "a:1"]);
        assert_eq!(normal(&["-tls=maybe"]), ["--tls=maybe"]);
    }

    #[test]
    fn values_and_unknown_flags_are_left_alone() {
        assert_eq!(
            normal(&["-rpc-header", "-addr: x", "-alts"]),
            ["--rpc-header", "-addr: x", "-alts"]
        );
        assert_eq!(normal(&["--", "-addr"]), ["--", "-addr"]);
    }
}
