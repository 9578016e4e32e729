//! Classic histograms as native ones with custom buckets, as a scrape with `convert_classic_histograms_to_nhcb` has them
//! (`util/convertnhcb`).

use std::collections::BTreeMap;

use bellwether::model::{BucketSpan, Labels, METRIC_NAME, NativeHistogram};
use bellwether::promql::histogram::CUSTOM_BUCKETS;
use bellwether::promql::notation::SequenceValue;

use super::script::Load;

/// Buckets by upper bound, each with all observations up to it.
#[derive(Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: f64,
}

/// The native histogram of each classic one, by time.
pub(crate) fn converted(load: &Load) -> Result<BTreeMap<Labels, BTreeMap<i64, NativeHistogram>>, String> {
    let mut all: BTreeMap<Labels, BTreeMap<i64, Classic>> = BTreeMap::new();
    for series in &load.series {
        let Some(name) = series.labels.metric_name() else { continue };
        let part = ["_bucket", "_count", "_sum"].into_iter().find_map(|end| Some((end, name.strip_suffix(end)?)));
        let Some((part, base)) = part else { continue };
        let rest = series.labels.iter().filter(|(name, _)| ***name != *METRIC_NAME && ***name != *"le");
        let pairs = rest.map(|(name, value)| (&**name, &**value)).chain([(METRIC_NAME, base)]);
        let samples = all.entry(Labels::new(pairs)).or_default();
        let bound = series.labels.get("le").and_then(|bound| bound.parse::<f64>().ok());
        for (time, value) in (0..).map(|at| at * load.step).zip(&series.values) {
            let SequenceValue::Float(value) = value else { continue };
            let classic = samples.entry(time).or_default();
            match (part, bound) {
                ("_count", _) => classic.count = Some(*value),
                ("_sum", _) => classic.sum = *value,
                (_, Some(bound)) => classic.buckets.push((bound, *value)),
                (_, None) => {}
            }
        }
    }
    let convert = |(labels, samples): (Labels, BTreeMap<i64, Classic>)| {
        let samples: Result<_, String> =
            samples.into_iter().map(|(time, classic)| Ok((time, native(classic)?))).collect();
        Ok((labels, samples?))
    };
    all.into_iter().map(convert).collect()
}

fn native(mut classic: Classic) -> Result<NativeHistogram, String> {
    classic.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    classic.buckets.dedup_by(|a, b| a.0.total_cmp(&b.0).is_eq());
    let highest = classic.buckets.last().copied();
    let count = classic.count.unwrap_or_else(|| highest.map_or(0.0, |(_, count)| count));
    if highest.is_none_or(|(bound, _)| bound != f64::INFINITY) {
        classic.buckets.push((f64::INFINITY, count));
    }
    let mut below = 0.0;
    let mut buckets = Vec::new();
    for (_, cumulative) in &classic.buckets {
        buckets.push(cumulative - below);
        below = *cumulative;
    }
    if (below - count).abs() > 0.0 {
        return Err(format!("a count of {count} where the buckets have {below}"));
    }
    let bounds: Vec<f64> = classic.buckets.iter().map(|(bound, _)| *bound).filter(|bound| bound.is_finite()).collect();
    let mut native = NativeHistogram {
        schema: CUSTOM_BUCKETS,
        count,
        sum: classic.sum,
        positive_spans: vec![BucketSpan { offset: 0, length: u32::try_from(buckets.len()).unwrap_or(u32::MAX) }],
        positive_buckets: buckets,
        custom_values: bounds.into(),
        ..NativeHistogram::default()
    };
    native.compact(if native.positive_buckets.iter().all(|count| count.fract() == 0.0) { 2 } else { 0 });
    Ok(native)
}
