//! Rules for how a service is proven to work. No I/O.

use std::collections::BTreeMap;

use super::{Reader, Span};
use crate::model::spec::{HealthSpec, Named, ProbeSpec, Spanned};
use crate::model::{HealthModel, ProbeModel, Timing, bounds, code};
use crate::name::PortName;
use crate::template::Template;

/// Checks `[service.health]`.
pub fn health(
    spec: &Spanned<HealthSpec>,
    ports: &[PortName],
    reader: &mut Reader<'_>,
) -> Option<HealthModel> {
    let (span, spec) = (spec.span(), spec.get_ref());
    if ports.is_empty() {
        reader.needs_port(&span);
    }
    if spec.probe.is_empty() && !reader.is_broken(&span, "probe") {
        let hint = "write [[service.health.probe]] with `path`";
        reader.error(&span, code::MISSING_KEY, "there is no probe", hint);
    }
    let probes: Vec<_> = spec.probe.iter().map(|probe| self::probe(probe, ports, reader)).collect();
    let timing = timing(&span, spec, reader);
    Some(HealthModel { probes: probes.into_iter().flatten().collect(), timing: timing? })
}

fn probe(
    spec: &Spanned<ProbeSpec>,
    ports: &[PortName],
    reader: &mut Reader<'_>,
) -> Option<ProbeModel> {
    let (span, spec) = (spec.span(), spec.get_ref());
    let port = match &spec.port {
        Some(port) => Some(probed_port(port, ports, reader)?),
        None => None,
    };
    let path = reader.required(&span, "path", &spec.path, "\"/health\"");
    let path = path.and_then(|path| request_path(path, reader));
    let status = reader.integer("status", &spec.status, &bounds::STATUS);
    let fields = fields(&spec.fields, reader);
    let fields_if_present = self::fields(&spec.fields_if_present, reader);
    Some(ProbeModel {
        port,
        path: path?,
        status: u16::try_from(status?).ok()?,
        fields,
        fields_if_present,
    })
}

fn probed_port(
    port: &Spanned<String>,
    ports: &[PortName],
    reader: &mut Reader<'_>,
) -> Option<PortName> {
    let name = reader.name(port)?;
    if ports.contains(&name) {
        return Some(name);
    }
    let message = format!("the service does not listen on a port `{name}`");
    let hint = match ports {
        [] => format!("write `ports = [\"{name}\"]` in [[service]]"),
        ports => {
            let names: Vec<&str> = ports.iter().map(PortName::as_str).collect();
            format!("write one of {}", names.join(", "))
        }
    };
    reader.error(&port.span(), code::UNKNOWN_PORT, message, hint);
    None
}

fn request_path(path: &Spanned<String>, reader: &mut Reader<'_>) -> Option<String> {
    let text = path.get_ref();
    let complaint = if !text.starts_with('/') {
        "does not begin with `/`"
    } else if !text.chars().all(|c| c.is_ascii_graphic()) {
        "holds a blank, a control character or one beyond ASCII"
    } else if text.contains('#') {
        "holds `#`, which is never sent"
    } else {
        return reader.literal("path", path).then(|| text.clone());
    };
    let hint = "write e.g. \"/health\"; other characters as `%20`";
    reader.error(&path.span(), code::BAD_PROBE_PATH, format!("`path` {complaint}"), hint);
    None
}

fn fields(spec: &Named<String>, reader: &mut Reader<'_>) -> BTreeMap<String, Template> {
    let fields = spec
        .iter()
        .map(|(name, value)| Some((name.get_ref().clone(), reader.template(value, bounds::ANY)?)));
    fields.collect::<Vec<_>>().into_iter().flatten().collect()
}

fn timing(table: &Span, spec: &HealthSpec, reader: &mut Reader<'_>) -> Option<Timing> {
    let try_timeout_ms =
        reader.integer("try_timeout_ms", &spec.try_timeout_ms, &bounds::TRY_TIMEOUT_MS);
    let interval_ms = reader.integer("interval_ms", &spec.interval_ms, &bounds::TRY_INTERVAL_MS);
    let deadline =
        reader.integer("deadline_secs", &spec.deadline_secs, &bounds::HEALTH_DEADLINE_SECS);
    let passes = reader.integer("passes", &spec.passes, &bounds::PASSES);
    let stable_ms = reader.integer("stable_ms", &spec.stable_ms, &bounds::STABLE_MS);
    let timing = Timing {
        try_timeout_ms: try_timeout_ms?,
        interval_ms: interval_ms?,
        deadline_ms: deadline? * 1000,
        passes: u32::try_from(passes?).ok()?,
        stable_ms: stable_ms?,
    };
    let tries_ms = u64::from(timing.passes - 1).saturating_mul(timing.interval_ms);
    let needed_ms = timing.stable_ms.max(tries_ms).saturating_add(timing.try_timeout_ms);
    if timing.deadline_ms <= needed_ms {
        let span = spec.deadline_secs.as_ref().map_or_else(|| table.clone(), Spanned::span);
        let message = format!(
            "`deadline_secs` leaves {} ms for tries that take {needed_ms} ms",
            timing.deadline_ms
        );
        let hint = format!("write at least `deadline_secs = {}`", needed_ms / 1000 + 1);
        reader.error(&span, code::DEADLINE_TOO_SHORT, message, hint);
        return None;
    }
    Some(timing)
}
