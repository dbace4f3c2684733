//! `/healthz`, `/readyz`, `/metrics`: for load balancers and the engineer on call.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use rocket::http::ContentType;
use rocket::{State, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::respond::Json;
use crate::error::{Code, Problem, Result};
use crate::live::Live;
use crate::shutdown::Readiness;

#[derive(Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or `degraded`: works, and hears of other instances up to a second later.
    pub status: &'static str,
}

/// The process lives
#[utoipa::path(get, path = "/healthz", tag = "operations", operation_id = "healthz", security(()),
    responses((status = 200, description = "It does", body = Health)))]
#[get("/healthz")]
pub fn healthz() -> Json<Health> {
    Json::ok(Health { status: "ok" })
}

/// Whether to send requests here
#[utoipa::path(get, path = "/readyz", tag = "operations", operation_id = "readyz", security(()),
    responses(
        (status = 200, description = "Yes: `ok`, or `degraded` when other instances are only heard by the sweep", body = Health),
        (status = 503, description = "No: `unavailable`, the database does not answer (yet); `shutting-down`", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/readyz")]
pub fn readyz(live: &State<Arc<Live>>, readiness: &State<Arc<Readiness>>) -> Result<Json<Health>> {
    if readiness.is_stopping() {
        return Err(Code::ShuttingDown.into());
    }
    live.place().ok_or(Code::Unavailable)?;
    let status = if live.is_listening() {
        "ok"
    } else {
        "degraded"
    };
    Ok(Json::ok(Health { status }))
}

/// Prometheus metrics
#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "metrics", security(()),
    responses((status = 200, description = "Text exposition format", body = String, content_type = "text/plain")))]
#[get("/metrics")]
pub fn metrics(prometheus: &State<PrometheusHandle>) -> (ContentType, String) {
    (ContentType::Plain, prometheus.render())
}
