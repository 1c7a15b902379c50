//! Behaviors, with the defaults that the API server fills in.

use serde_json::{Value, json};

use super::Maker;

impl Maker {
    pub(super) fn behavior(&mut self) -> Value {
        let mut up = self.rules();
        if up["stabilizationWindowSeconds"].is_null() {
            up["stabilizationWindowSeconds"] = 0.into();
        }
        let down = self.rules();
        json!({"scaleUp": up, "scaleDown": down})
    }

    fn rules(&mut self) -> Value {
        let window = self.pick(&[
            Value::Null,
            0.into(),
            15.into(),
            30.into(),
            60.into(),
            300.into(),
            3600.into(),
        ]);
        let select = self.pick(&["Max", "Max", "Max", "Min", "Min", "Disabled"]);
        let count = self.pick(&[1, 1, 2, 2, 3]);
        let policies: Vec<_> = (0..count).map(|_| self.policy()).collect();
        let mut rules = json!({
            "stabilizationWindowSeconds": window,
            "selectPolicy": select,
            "policies": policies,
        });
        if self.taste.edges || self.once_in(4) {
            let tolerance = self.pick(&[
                "0", "50m", "9m", "100m", "13m", "200m", "1", "0.1", "0.05", "300m", "1e-3", "5",
            ]);
            rules["tolerance"] = tolerance.into();
        }
        rules
    }

    fn policy(&mut self) -> Value {
        let kind = self.pick(&["Pods", "Percent"]);
        let value = if self.taste.extremes && self.once_in(3) {
            self.pick(&[i32::MAX, 2_000_000_000, 1])
        } else if kind == "Pods" {
            self.random.i32(1..6)
        } else {
            self.pick(&[1, 10, 20, 25, 33, 50, 80, 99, 100, 200])
        };
        let period = self.pick(&[1, 15, 15, 30, 60, 60, 120, 1800]);
        json!({"type": kind, "value": value, "periodSeconds": period})
    }
}
