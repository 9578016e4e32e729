//! From an objective to its groups of rules.

use super::{Alert, BURNS, Burn, Indicator, Objective, Options, PERIOD_DAYS, Texts, WINDOWS};
use crate::rules::Kind;
use crate::rules::print::{Entry, write_group};
use crate::yaml::double_quoted;

/// The groups of an objective, in sloth's order.
pub(super) fn groups(text: &mut String, objective: &Objective, options: Options) {
    let id = &objective.id;
    let mut group = |what: &str, entries: &[Entry]| {
        if !entries.is_empty() {
            write_group(text, &format!("sloth-slo-{what}-{id}"), &[], entries);
        }
    };
    let (own, selector) = (objective.own_labels(), objective.selector());
    group("sli-recordings", &indicators(objective, &own, &selector, options));
    group("meta-recordings", &about(objective, &own, &selector, options));
    group("alerts", &alerts(objective, &selector));
}

impl Objective {
    /// The labels of everything that is recorded.
    fn own_labels(&self) -> Texts {
        let mut labels = self.labels.clone();
        let own = self.identity().map(|(name, value)| (name.to_owned(), value.to_owned()));
        labels.extend(own);
        labels
    }

    /// The conditions on its series.
    fn selector(&self) -> String {
        let own = self.identity().map(|(name, value)| format!("{name}={}", double_quoted(value)));
        format!("{{{}}}", own.join(", "))
    }

    fn identity(&self) -> [(&'static str, &str); 3] {
        [("sloth_id", &self.id), ("sloth_service", &self.service), ("sloth_slo", &self.name)]
    }
}

impl Indicator {
    /// The share that fails, of a window.
    fn ratio(&self, window: &str) -> String {
        match &self.total {
            Some(total) => format!("({})\n/\n({})\n", self.error.join(window), total.join(window)),
            None => format!("({})", self.error.join(window)),
        }
    }
}

/// The share that fails, of each window.
fn indicators(objective: &Objective, own: &Texts, selector: &str, options: Options) -> Vec<Entry> {
    let of = |window: &str, expr: String| {
        let labels = with(own, [("sloth_window", window)]);
        record(&format!("slo:sli_error:ratio_rate{window}"), expr, labels)
    };
    let mut entries: Vec<Entry> =
        WINDOWS.into_iter().map(|window| of(window, objective.indicator.ratio(window))).collect();
    if options.period {
        let window = format!("{PERIOD_DAYS}d");
        let over = |function: &str| format!("{function}_over_time(slo:sli_error:ratio_rate5m{selector}[{window}])");
        entries.push(of(&window, format!("{}\n/ ignoring (sloth_window)\n{}\n", over("sum"), over("count"))));
    }
    entries
}

/// The objective itself as series, for dashboards.
fn about(objective: &Objective, own: &Texts, selector: &str, options: Options) -> Vec<Entry> {
    let ratio = digits(objective.percentage / 100.0);
    let burning = |window: &str| {
        format!(
            "slo:sli_error:ratio_rate{window}{selector}\n/ on(sloth_id, sloth_slo, sloth_service) group_left\n\
             slo:error_budget:ratio{selector}\n"
        )
    };
    let mut entries = vec![
        record("slo:objective:ratio", format!("vector({ratio})"), own.clone()),
        record("slo:error_budget:ratio", format!("vector({})", digits(objective.budget())), own.clone()),
        record("slo:time_period:days", format!("vector({PERIOD_DAYS})"), own.clone()),
        record("slo:current_burn_rate:ratio", burning("5m"), own.clone()),
    ];
    if options.period {
        let left = format!("1 - slo:period_burn_rate:ratio{selector}");
        let period = burning(&format!("{PERIOD_DAYS}d"));
        entries.push(record("slo:period_burn_rate:ratio", period, own.clone()));
        entries.push(record("slo:period_error_budget_remaining:ratio", left, own.clone()));
    }
    let info = with(
        own,
        [
            ("sloth_mode", "bellwether"),
            ("sloth_objective", &objective.percentage.to_string()),
            ("sloth_spec", super::VERSION),
            ("sloth_version", env!("CARGO_PKG_VERSION")),
        ],
    );
    entries.push(record("sloth_slo_info", "vector(1)".to_owned(), info));
    entries
}

fn alerts(objective: &Objective, selector: &str) -> Vec<Entry> {
    let budget = digits(objective.budget());
    let alert = |burn: &Burn| {
        let alert = objective.alerts[usize::from(!burn.page)].as_ref()?;
        let bound = format!("({} * {budget})", burn.factor);
        let side =
            |window: &str| format!("max(slo:sli_error:ratio_rate{window}{selector} > {bound}) without (sloth_window)");
        let Alert { name, mut labels, mut annotations } = alert.clone();
        let word = if burn.page { "page" } else { "ticket" };
        labels.insert("sloth_severity".to_owned(), word.to_owned());
        labels.entry("severity".to_owned()).or_insert_with(|| String::from(burn.severity()));
        // Two pairs that fire at once are two alerts.
        labels.insert("sloth_windows".to_owned(), format!("{}-{}", burn.short, burn.long));
        let usual = [
            ("summary", "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is over expected."),
            (
                "title",
                &format!(
                    "({word}) {{{{$labels.sloth_service}}}} {{{{$labels.sloth_slo}}}} SLO error budget burn rate is too fast."
                ),
            ),
        ];
        for (key, text) in usual {
            annotations.entry(key.to_owned()).or_insert_with(|| text.to_owned());
        }
        Some(Entry {
            kind: Kind::Alert,
            name,
            expr: format!("{}\nand\n{}\n", side(burn.short), side(burn.long)),
            hold: 0,
            keep_firing: 0,
            labels: labels.into_iter().collect(),
            annotations: annotations.into_iter().collect(),
        })
    };
    BURNS.iter().filter_map(alert).collect()
}

fn record(name: &str, expr: String, labels: Texts) -> Entry {
    Entry {
        kind: Kind::Record,
        name: name.to_owned(),
        expr,
        hold: 0,
        keep_firing: 0,
        labels: labels.into_iter().collect(),
        annotations: Vec::new(),
    }
}

fn with<const N: usize>(labels: &Texts, more: [(&str, &str); N]) -> Texts {
    let mut labels = labels.clone();
    labels.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    labels
}

/// A share in decimal digits: a budget of 0.1 % is written as 0.001, whatever binary fractions make of it.
fn digits(share: f64) -> String {
    format!("{share:.12}").trim_end_matches('0').to_owned()
}
