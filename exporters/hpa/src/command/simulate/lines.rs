//! The answer as CSV, a line for each sync.

use anyhow::Result;

use super::play::{Row, Setting};

pub(super) fn lines(setting: &Setting, rows: &[Row]) -> Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut head = vec!["time".to_owned(), "ready".to_owned(), "replicas".to_owned()];
    for column in &setting.columns {
        let name = &column.name;
        head.extend([
            name.clone(),
            format!("{name} ratio"),
            format!("{name} wish"),
        ]);
    }
    head.extend(["wish", "stabilized", "decided", "limiter", "until"].map(str::to_owned));
    writer.write_record(&head)?;
    for row in rows {
        let decision = &row.decision;
        let number = |number: Option<i32>| number.map(|it| it.to_string()).unwrap_or_default();
        let seconds = |at: hpa_engine::Moment| {
            let nanoseconds = at.nanoseconds();
            let (whole, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
            match rest {
                0 => whole.to_string(),
                _ => format!("{whole}.{rest:09}")
                    .trim_end_matches('0')
                    .to_owned(),
            }
        };
        let mut cells = vec![
            seconds(row.at),
            row.ready.to_string(),
            decision.current().to_string(),
        ];
        for (index, load) in row.load.iter().enumerate() {
            let proposal = decision
                .proposals
                .get(index)
                .and_then(|it| it.as_ref().ok());
            cells.push(load.to_string());
            cells.push(
                proposal
                    .map(|it| it.calculation.ratio.to_string())
                    .unwrap_or_default(),
            );
            cells.push(number(proposal.map(|it| it.replicas)));
        }
        cells.push(number(decision.wish));
        cells.push(number(decision.stabilization.map(|it| it.replicas)));
        cells.push(decision.desired.to_string());
        cells.push(row.limiter.as_str().to_owned());
        cells.push(row.until.map(seconds).unwrap_or_default());
        writer.write_record(&cells)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
