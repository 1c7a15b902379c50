use super::*;

fn columns() -> Vec<Column> {
    let column = |name: &str, of_pods| Column {
        name: name.to_owned(),
        of_pods,
    };
    vec![column("cpu", true), column("queue", false)]
}

fn load(columns: &[Column], files: &[(&str, &str)]) -> Result<Trace, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let files: Vec<TraceFile> = files
        .iter()
        .zip(0..)
        .map(|((metric, text), number)| {
            let path = folder.path().join(format!("{number}.trace"));
            std::fs::write(&path, text).expect("a file");
            let metric = (!metric.is_empty()).then(|| (*metric).to_owned());
            TraceFile { metric, path }
        })
        .collect();
    read(&files, columns, Duration::from_mins(5)).map_err(|error| format!("{error:#}"))
}

fn cpu(text: &str) -> Result<Trace, String> {
    load(&columns()[..1], &[("", text)])
}

#[test]
fn a_value_holds_until_the_next() {
    let trace = cpu("time,cpu\n0,100m\n30,250m\n60.5,1\n").expect("a trace");
    let at = |seconds| trace.at(Moment::from_seconds(seconds))[0].to_string();
    assert_eq!(
        [at(0), at(29), at(30), at(60), at(61)],
        ["100m", "100m", "250m", "250m", "1"]
    );
    assert_eq!(trace.end, Moment::from_nanoseconds(60_500_000_000));
}

#[test]
fn the_answer_of_prometheus_is_read_with_and_without_its_envelope() {
    let series = r#"[{"metric":{},"values":[[1764063600,"0.123456789"],[1764063630.5,"1e-3"]]}]"#;
    let envelope =
        format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":{series}}}}}"#);
    for text in [series, &envelope] {
        let trace = cpu(text).expect("a trace");
        assert_eq!(trace.at(trace.start)[0].to_string(), "123456789n");
        assert_eq!(trace.at(trace.end)[0].to_string(), "1e-3");
    }
}

#[test]
fn traces_of_several_metrics_are_played_where_they_overlap() {
    let queue = r#"[{"metric":{},"values":[[30,"5"],[330,"7"]]}]"#;
    let trace = load(
        &columns(),
        &[("", "time,cpu\n0,1\n300,2\n"), ("queue", queue)],
    );
    let trace = trace.expect("a trace");
    assert_eq!(
        (trace.start, trace.end),
        (Moment::from_seconds(30), Moment::from_seconds(300))
    );
    let values: Vec<_> = trace
        .at(trace.end)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(values, ["2", "5"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (text, expected) in [
        ("time,cpu\n0,1\n-5,1\n", "line 3: the time is -5"),
        ("time,cpu\n0,1\nNaN,1\n", "line 3: the time is NaN"),
        ("time,cpu\n0,1\n1e300,1\n", "line 3: the time is"),
        (
            "time,cpu\n30,1\n15,1\n",
            "line 3: the time is 15, not after",
        ),
        (
            "time,cpu\n30,1\n30,1\n",
            "line 3: the time is 30, not after",
        ),
        (
            "time,cpu\n0,1\n\n900,1\n",
            "line 4: 900 s after the sample before is a gap",
        ),
        ("time,cpu\n0,1\n15,\n", "line 3: no value of `cpu`"),
        ("time,cpu\n0,1\n15,-1\n", "line 3: `cpu` is -1: pods cannot"),
        ("time,cpu\n0,1\n15,many\n", "line 3: `cpu` is many: "),
        ("time,cpu\n0,1\n15,1E\n", "line 3: `cpu` is 1E: more than"),
        ("time,cpu\n0,1\nlater,1\n", "line 3: the time is `later`"),
        ("time,cpu\n0,1\n15,1,2\n", "line: 3"),
        ("when,cpu\n0,1\n", "line 1: the first column is `when`"),
        ("time\n0\n", "line 1: no column"),
        ("time,cpu,cpu\n0,1,1\n", "line 1: two columns"),
        (
            "time,memory\n0,1\n",
            "the autoscaler has no metric `memory`; it has `cpu`",
        ),
        ("time,cpu\n", "no samples of `cpu`"),
        ("", "line 1: the first column is ``"),
        (
            r#"{"status":"error","error":"too many"}"#,
            "an error: too many",
        ),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            "not a matrix",
        ),
        (r#"[{"values":[]},{"values":[]}]"#, "2 series"),
        ("[]", "no series"),
        (r#"[{"values":[[1,2]]}]"#, "[0].values[0][1]: invalid type"),
        (
            r#"[{"values":[[1,"1"],[1,"2"]]}]"#,
            "sample 2: the time is 1, not after",
        ),
        (r#"[{"values":[[1,"NaN"]]}]"#, "sample 1: `cpu` is NaN"),
        ("[", "EOF"),
    ] {
        let error = cpu(text).expect_err(text);
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn each_metric_comes_from_one_file() {
    let both = load(&columns(), &[("", "time,cpu\n0,1\n")]).expect_err("no queue");
    assert!(both.contains("no file has a column `queue`"), "{both}");
    let twice = [("", "time,cpu,queue\n0,1,1\n"), ("", "time,cpu\n0,1\n")];
    assert!(
        load(&columns(), &twice)
            .expect_err("twice")
            .contains("in another file already")
    );
    let apart = [("", "time,cpu\n0,1\n"), ("", "time,queue\n60,1\n")];
    assert!(
        load(&columns(), &apart)
            .expect_err("apart")
            .contains("do not overlap")
    );
    let nameless = [("", "time,cpu\n0,1\n"), ("", r#"[{"values":[[0,"1"]]}]"#)];
    assert!(
        load(&columns(), &nameless)
            .expect_err("whose?")
            .contains("METRIC=FILE")
    );
    let named = [("cpu", "time,cpu\n0,1\n")];
    assert!(
        load(&columns(), &named)
            .expect_err("a CSV")
            .contains("leave `METRIC=` out")
    );
}
