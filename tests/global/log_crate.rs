//! Records of the `log` crate are filtered by their own target, before anything of them is formatted.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use tracing::info_span;

use crate::process::case;
use crate::receiver::Receiver;

static FORMATTED: AtomicU32 = AtomicU32::new(0);

struct Counted;
impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        FORMATTED.fetch_add(1, Ordering::Relaxed);
        f.write_str("counted")
    }
}

#[test]
fn a_record_of_the_log_crate_is_filtered_by_its_target_and_formatted_only_when_it_is_wanted() {
    let name = "log_crate::a_record_of_the_log_crate_is_filtered_by_its_target_and_formatted_only_when_it_is_wanted";
    case(name, &[], || {
        let receiver = Receiver::http();
        let filters = [("BELLWETHER_FILTER", "warn,shop=debug"), ("RUST_LOG", "error,h2=off")];
        let environment = receiver.variables().into_iter().chain(filters).collect();
        let guard = bellwether::builder().environment(environment).init().unwrap();
        info_span!(target: "shop", "work").in_scope(|| {
            log::debug!(target: "shop", "wanted {Counted}");
            log::trace!(target: "shop", "too detailed {Counted}");
            log::info!(target: "other", "too detailed {Counted}");
            log::error!(target: "h2::codec", "of the exporter {Counted}");
            log::warn!(target: "other", "wanted {Counted}");
        });
        info_span!(target: "shop", "broken").in_scope(|| log::error!(target: "other", "wanted {Counted}"));
        assert_eq!(FORMATTED.load(Ordering::Relaxed), 3);
        assert_eq!(log::max_level(), log::LevelFilter::Debug);
        let report = guard.shutdown(Duration::from_secs(10));
        assert!(report.is_complete(), "{report}");

        let bodies = receiver.logs().into_iter().filter_map(|record| record.body?.value);
        assert_eq!(bodies.collect::<Vec<_>>(), vec![Value::StringValue("wanted counted".into()); 3]);
        let status = |name: &str| {
            let spans = receiver.spans();
            spans.iter().find(|span| span.name == name).unwrap().status.clone().unwrap_or_default().code()
        };
        assert_eq!((status("work"), status("broken")), (StatusCode::Unset, StatusCode::Error));
    });
}
