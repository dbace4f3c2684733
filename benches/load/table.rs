//! What comes out: lines as they are measured, and at the end one table that the README can quote.

use std::process::Command;

use super::rounds::Cost;
use super::support::Database;

/// What a figure should be, and what would be better still.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64, f64),
    AtMost(f64, f64),
}

/// One line of the table.
pub struct Line {
    figure: String,
    value: f64,
    unit: &'static str,
    /// The rates or times behind it.
    seen: String,
    cpu: String,
    target: Option<Target>,
}

impl Line {
    pub fn new(
        figure: &str,
        value: f64,
        unit: &'static str,
        target: impl Into<Option<Target>>,
    ) -> Self {
        Self {
            figure: figure.to_owned(),
            value,
            unit,
            seen: String::new(),
            cpu: String::new(),
            target: target.into(),
        }
    }

    /// How much more of one thing there is per second than of another, and what each costs.
    pub fn ratio(figure: &str, ours: Cost, other: Cost, target: impl Into<Option<Target>>) -> Self {
        let cpu = format!(
            "{} µs ÷ {} µs: {}",
            three_digits(ours.cpu()),
            three_digits(other.cpu()),
            three_digits(other.cpu() / ours.cpu())
        );
        let seen = format!("{:.0}/s ÷ {:.0}/s", ours.rate, other.rate);
        let line = Self::new(figure, ours.rate / other.rate, "", target.into());
        line.seen(seen).cpu(cpu)
    }

    pub fn seen(mut self, seen: impl Into<String>) -> Self {
        self.seen = seen.into();
        self
    }

    pub fn cpu(mut self, cpu: impl Into<String>) -> Self {
        self.cpu = cpu.into();
        self
    }

    fn markdown(&self) -> String {
        let (target, verdict) = match self.target {
            None => ("".to_owned(), ""),
            Some(target) => target.judge(self.value),
        };
        let Self {
            figure,
            value,
            unit,
            seen,
            cpu,
            ..
        } = self;
        let value = format!("{}{unit}", three_digits(*value));
        format!("| {figure} | {value} | {seen} | {cpu} | {target} | {verdict} |")
    }
}

impl Target {
    fn judge(self, value: f64) -> (String, &'static str) {
        let (sign, target, stretch, value) = match self {
            Self::AtLeast(target, stretch) => ("≥", target, stretch, value),
            Self::AtMost(target, stretch) => ("≤", target, stretch, value),
        };
        let holds = |limit: f64| match self {
            Self::AtLeast(..) => value >= limit,
            Self::AtMost(..) => value <= limit,
        };
        let verdict = match (holds(target), holds(stretch)) {
            (_, true) => "stretch met",
            (true, _) => "met",
            _ => "**missed**",
        };
        (format!("{sign} {target} ({stretch})"), verdict)
    }
}

/// `12.3`, `1.23`, `0.123`, `1234`.
pub fn three_digits(value: f64) -> String {
    let places = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.0995 => 2,
        _ => 3,
    };
    format!("{value:.places$}")
}

/// The table and where it comes from, to standard output.
pub async fn print(lines: &[Line], arguments: &str) {
    let database = Database::create().await;
    let version: String = sqlx::query_scalar("show server_version")
        .fetch_one(&mut database.connect().await)
        .await
        .expect("Postgres answers");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version = version.split(' ').next().unwrap_or_default();
    println!(
        "\nSeen on {} on {cores} cores with client, service and PostgreSQL {version} together, release build of {}{arguments}:\n",
        chrono::Utc::now().format("%Y-%m-%d"),
        commit()
    );
    println!("| figure | value | seen | CPU per operation | target (stretch) | |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for line in lines {
        println!("{}", line.markdown());
    }
}

/// Which commit this is; with a mark where the files differ from it.
fn commit() -> String {
    let git = Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=10"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let text = git
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|| "no commit".to_owned())
}
