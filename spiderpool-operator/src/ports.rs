//! The ports that the controller listens on, unless its environment says otherwise. They are upstream's, which
//! firewalls and monitoring already know.

/// HTTP: start-up, readiness and liveness. Changed by `SPIDERPOOL_HEALTH_PORT`.
pub const HEALTH: u16 = 5720;

/// HTTP: Prometheus metrics. Changed by `SPIDERPOOL_METRIC_HTTP_PORT`.
pub const METRICS: u16 = 5721;

/// HTTPS: admission webhooks. Changed by `SPIDERPOOL_WEBHOOK_PORT`.
pub const WEBHOOK: u16 = 5722;

/// HTTP on the loopback address only: what `spiderpoolctl --controller` reads. Changed by `SPIDERPOOL_CLI_PORT`.
pub const CLI: u16 = 5723;

/// HTTP on the loopback address only: runtime diagnostics. Changed by `SPIDERPOOL_GOPS_LISTEN_PORT`.
pub const DIAGNOSTICS: u16 = 5724;
