//! The resource: who produces the telemetry.

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

use crate::names;

/// Puts the resource together; of a key given twice the last value counts. `service.name` and `service.instance.id`
/// are filled where they are missing, as
/// <https://opentelemetry.io/docs/specs/semconv/resource/service/> asks for.
pub(super) fn build(attributes: Vec<KeyValue>, schema_url: Option<String>, executable: Option<&str>) -> Resource {
    let service = match executable {
        Some(name) => format!("unknown_service:{name}"),
        None => String::from("unknown_service"),
    };
    let filled =
        [KeyValue::new(names::SERVICE_NAME, service), KeyValue::new(names::SERVICE_INSTANCE_ID, random_uuid())];
    let builder = Resource::builder_empty().with_attributes(filled);
    let builder = match schema_url {
        Some(url) => builder.with_schema_url(attributes, url),
        None => builder.with_attributes(attributes),
    };
    builder
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes([
            KeyValue::new(names::DISTRO_NAME, env!("CARGO_PKG_NAME")),
            KeyValue::new(names::DISTRO_VERSION, env!("CARGO_PKG_VERSION")),
        ])
        .build()
}

/// The same resource with this `service.instance.id`.
#[cfg(feature = "rules")]
pub(super) fn with_instance(resource: &Resource, id: &str) -> Resource {
    let attributes = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let attributes = attributes.chain([KeyValue::new(names::SERVICE_INSTANCE_ID, id.to_owned())]);
    let builder = Resource::builder_empty();
    match resource.schema_url() {
        Some(url) => builder.with_schema_url(attributes, url.to_owned()),
        None => builder.with_attributes(attributes),
    }
    .build()
}

/// The `service.name` of a resource that [`build`] made.
pub(super) fn service_name(resource: &Resource) -> String {
    resource.get_ref(&Key::from_static_str(names::SERVICE_NAME)).map(Value::to_string).unwrap_or_default()
}

/// A random UUID (RFC 9562, version 4), from the generator of trace ids: no dependency for sixteen bytes.
fn random_uuid() -> String {
    let mut bytes = RandomIdGenerator::default().new_trace_id().to_bytes();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let number = u128::from_be_bytes(bytes);
    let part = |shift: u32, bits: u32| number >> shift & ((1 << bits) - 1);
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", part(96, 32), part(80, 16), part(64, 16), part(48, 16), part(0, 48))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "rules")]
    fn an_instance_that_keeps_its_id_keeps_everything_else() {
        let url = String::from("https://opentelemetry.io/schemas/1.38.0");
        let resource = build(vec![KeyValue::new("a", 1)], Some(url), Some("shop"));
        let kept = with_instance(&resource, "7");
        assert_eq!(kept.get(&Key::from_static_str(names::SERVICE_INSTANCE_ID)), Some("7".into()));
        assert_eq!((kept.len(), kept.schema_url()), (resource.len(), resource.schema_url()));
        assert_eq!(service_name(&kept), "unknown_service:shop");
    }

    #[test]
    fn an_instance_id_is_a_version_4_uuid_and_differs_each_time() {
        let ids: Vec<String> = (0..100).map(|_| random_uuid()).collect();
        for id in &ids {
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
    }
}
