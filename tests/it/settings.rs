//! Settings: every variable and every key of the configuration file, with its effect.

use bellwether::config::{self, Config, Environment, Overrides};

fn load<const N: usize>(variables: [(&str, &str); N]) -> Result<Config, bellwether::Error> {
    config::load(&Environment::from_iter(variables), Overrides::default())
}

#[test]
fn without_variables_the_defaults_of_the_specification_hold() {
    let config = load([]).unwrap();
    assert_eq!(config.warnings, [""; 0]);
    assert_eq!(config.otlp.traces.url, "http://localhost:4318/v1/traces");
    assert_eq!(config.series.service_name, "unknown_service");
}
