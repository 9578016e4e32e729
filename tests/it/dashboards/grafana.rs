//! Grafana's dashboard model (schema version 41, `@grafana/schema`), as far as the boards need it.

use serde_json::{Value, json};

/// A dashboard.
pub(super) struct Board {
    /// Its address in Grafana, and its file's name.
    pub(super) uid: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// Metric whose `job` labels are the services to choose from.
    pub(super) of: String,
    pub(super) rows: Vec<Row>,
}

/// Panels side by side under a heading. Their widths, of 24 columns, add up to lines.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: Vec<Panel>,
}

pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) kind: Kind,
    /// Grafana's name of the unit: `ms`, `reqps`, `percentunit`.
    pub(super) unit: &'static str,
    pub(super) width: u64,
    pub(super) queries: Vec<Query>,
}

impl Panel {
    pub(super) fn new(
        kind: Kind,
        title: &'static str,
        description: &'static str,
        unit: &'static str,
        width: u64,
        queries: impl Into<Vec<Query>>,
    ) -> Self {
        Self { title, description, kind, unit, width, queries: queries.into() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Stat,
    TimeSeries,
    /// Lines on top of each other: parts of a whole.
    Stacked,
    Heatmap,
    Table,
    NodeGraph,
    StateTimeline,
}

pub(super) struct Query {
    pub(super) expr: String,
    pub(super) legend: &'static str,
    /// The dots that open traces.
    pub(super) exemplars: bool,
}

pub(super) fn query(expr: impl Into<String>, legend: &'static str) -> Query {
    Query { expr: expr.into(), legend, exemplars: false }
}

impl Query {
    pub(super) fn with_exemplars(self) -> Self {
        Self { exemplars: true, ..self }
    }
}

/// A query as Prometheus gets it, with values for Grafana's variables.
pub(super) fn with_values(expr: &str) -> String {
    expr.replace("$__rate_interval", "1m").replace("$__range", "1h").replace("$job", ".+").replace("$operation", ".+")
}

pub(super) fn dashboard(board: &Board) -> Value {
    let (mut panels, mut top) = (Vec::new(), 0);
    for row in &board.rows {
        panels.push(json!({
            "type": "row", "id": panels.len() + 1, "title": row.title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
        }));
        top += 1;
        let (mut left, mut height) = (0, 0);
        for panel in &row.panels {
            if left + panel.width > 24 {
                (left, top) = (0, top + height);
                height = 0;
            }
            let id = panels.len() + 1;
            panels.push(one(panel, id, &json!({"x": left, "y": top, "w": panel.width, "h": panel.kind.height()})));
            left += panel.width;
            height = height.max(panel.kind.height());
        }
        top += height;
    }
    json!({
        "uid": board.uid, "title": board.title, "description": board.description, "tags": ["bellwether"],
        "schemaVersion": 41, "editable": true, "graphTooltip": 1, "timezone": "browser",
        "refresh": "10s", "time": {"from": "now-30m", "to": "now"},
        "links": [{
            "type": "dashboards", "title": "bellwether", "tags": ["bellwether"], "asDropdown": true,
            "includeVars": true, "keepTime": true, "icon": "external link", "targetBlank": false, "tooltip": "", "url": "",
        }],
        "annotations": {"list": []},
        "templating": {"list": variables(&board.of)},
        "panels": panels,
    })
}

fn variables(of: &str) -> Value {
    let choice = |name: &str, label: &str, query: &str| {
        json!({
            "type": "query", "name": name, "label": label, "datasource": source(),
            "query": {"query": query, "refId": name}, "refresh": 2, "sort": 1,
            "multi": true, "includeAll": true, "allValue": ".+", "current": {"text": ["All"], "value": ["$__all"]},
        })
    };
    json!([
        {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "refresh": 1},
        choice("job", "Service", &format!("label_values({of}, job)")),
        choice("operation", "Operation", &format!("label_values({of}{{job=~\"$job\"}}, span_name)")),
    ])
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::TimeSeries | Self::Stacked => "timeseries",
            Self::Heatmap => "heatmap",
            Self::Table => "table",
            Self::NodeGraph => "nodeGraph",
            Self::StateTimeline => "state-timeline",
        }
    }

    fn height(self) -> u64 {
        match self {
            Self::Stat => 4,
            Self::NodeGraph => 14,
            _ => 8,
        }
    }

    /// Whether the panel shows what is now, and not how it came.
    fn instant(self) -> bool {
        matches!(self, Self::Table | Self::NodeGraph)
    }
}

fn one(panel: &Panel, id: usize, place: &Value) -> Value {
    let targets: Vec<Value> =
        (b'A'..).zip(&panel.queries).map(|(letter, query)| target(panel.kind, letter, query)).collect();
    json!({
        "type": panel.kind.name(), "id": id, "title": panel.title, "description": panel.description,
        "gridPos": place, "datasource": source(), "targets": targets,
        "fieldConfig": {"defaults": defaults(panel), "overrides": []},
        "options": options(panel.kind),
        "transformations": transformations(panel),
    })
}

fn target(kind: Kind, letter: u8, query: &Query) -> Value {
    let format = match kind {
        Kind::Table | Kind::NodeGraph => "table",
        Kind::Heatmap => "heatmap",
        _ => "time_series",
    };
    json!({
        "refId": char::from(letter).to_string(), "datasource": source(), "editorMode": "code",
        "expr": query.expr, "legendFormat": query.legend, "exemplar": query.exemplars,
        "format": format, "instant": kind.instant(), "range": !kind.instant(),
    })
}

fn defaults(panel: &Panel) -> Value {
    let mut defaults = json!({"unit": panel.unit, "min": 0, "color": {"mode": "palette-classic"}});
    match panel.kind {
        Kind::TimeSeries => {
            defaults["custom"] = json!({"drawStyle": "line", "lineWidth": 1, "fillOpacity": 5, "showPoints": "never"});
        }
        Kind::Stacked => {
            defaults["custom"] = json!({
                "drawStyle": "line", "lineWidth": 1, "fillOpacity": 40, "showPoints": "never",
                "stacking": {"mode": "normal", "group": "A"},
            });
        }
        Kind::StateTimeline => {
            defaults["custom"] = json!({"fillOpacity": 80, "lineWidth": 0});
            defaults["color"] = json!({"mode": "thresholds"});
            defaults["thresholds"] = json!({"mode": "absolute", "steps": [{"color": "red", "value": null}]});
        }
        Kind::Stat => {
            defaults["color"] = json!({"mode": "thresholds"});
            defaults["thresholds"] = json!({"mode": "absolute", "steps": [{"color": "text", "value": null}]});
        }
        _ => {}
    }
    defaults
}

fn options(kind: Kind) -> Value {
    let legend = json!({"showLegend": true, "displayMode": "table", "placement": "right", "calcs": ["lastNotNull"], "sortBy": "Last *", "sortDesc": true});
    match kind {
        Kind::Stat => {
            json!({"graphMode": "area", "colorMode": "value", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false}})
        }
        Kind::TimeSeries | Kind::Stacked => json!({"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}),
        Kind::Heatmap => json!({
            "calculate": false, "cellGap": 1, "yAxis": {"unit": "ms", "axisPlacement": "left"}, "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
            "exemplars": {"color": "rgba(255,0,255,0.7)"}, "tooltip": {"mode": "single", "yHistogram": false}, "legend": {"show": true},
            "rowsFrame": {"layout": "auto"}, "filterValues": {"le": 1e-9},
        }),
        Kind::StateTimeline => {
            json!({"showValue": "never", "mergeValues": true, "legend": {"showLegend": false, "displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "single"}})
        }
        Kind::Table => json!({"showHeader": true, "cellHeight": "sm", "sortBy": []}),
        Kind::NodeGraph => json!({"nodes": {}, "edges": {}, "layoutAlgorithm": "layered"}),
    }
}

/// A table has a line for each set of labels, and a column for each query, named by its legend. The frames of a node
/// graph are told apart by their columns: edges have a source and a target.
fn transformations(panel: &Panel) -> Value {
    let column = |letter: u8| {
        if panel.queries.len() > 1 { format!("Value #{}", char::from(letter)) } else { "Value".to_owned() }
    };
    let renamed: serde_json::Map<String, Value> =
        (b'A'..).zip(&panel.queries).map(|(letter, query)| (column(letter), json!(query.legend))).collect();
    match panel.kind {
        Kind::Table => json!([
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": true}, "indexByName": {}, "renameByName": renamed}},
        ]),
        Kind::NodeGraph => json!([
            {"id": "organize", "options": {"excludeByName": {"Time": true}, "indexByName": {}, "renameByName": renamed}},
        ]),
        _ => json!([]),
    }
}
