//! What an expression selects, and which labels its result has.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorSelector, parse},
};

pub(crate) type Labels = BTreeSet<String>;

/// Prometheus adds them to whatever it scrapes.
const TARGET: [&str; 2] = ["instance", "job"];

/// What Prometheus scrapes from our programs: by series, the values of each label.
#[derive(Debug)]
pub(crate) struct Scraped(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

impl Scraped {
    pub(crate) fn of(texts: &[String]) -> Self {
        let mut series: BTreeMap<_, BTreeMap<_, BTreeSet<_>>> = BTreeMap::new();
        for line in texts.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with('#')) {
            let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap_or(line.len()));
            let known = series.entry(name.to_owned()).or_default();
            let labels = rest.strip_prefix('{').and_then(|rest| rest.rsplit_once('}'));
            for (label, value) in labels.iter().flat_map(|(labels, _)| labels.split(',')).map(of_a_label) {
                known.entry(label).or_default().insert(value);
            }
        }
        Self(series)
    }

    /// The labels of what `expression` gives.
    ///
    /// # Errors
    /// It is none, or it is about a series or a label that there is not.
    pub(crate) fn labels(&self, expression: &str) -> Result<Labels, String> {
        self.given(&parse(expression)?)
    }

    fn given(&self, expression: &Expr) -> Result<Labels, String> {
        match expression {
            Expr::Aggregate(aggregate) => self.aggregated(aggregate),
            Expr::Binary(binary) => self.joined(binary),
            Expr::Call(call) => self.called(call),
            Expr::Unary(unary) => self.given(&unary.expr),
            Expr::Paren(paren) => self.given(&paren.expr),
            Expr::Subquery(subquery) => self.given(&subquery.expr),
            Expr::VectorSelector(selector) => self.selected(selector),
            Expr::MatrixSelector(selector) => self.selected(&selector.vs),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Ok(Labels::new()),
            Expr::Extension(_) => Err(format!("what is {expression}?")),
        }
    }

    fn selected(&self, selector: &VectorSelector) -> Result<Labels, String> {
        let name = selector.name.as_ref().ok_or_else(|| format!("{selector} names no series"))?;
        let known = self.0.get(name).ok_or_else(|| format!("no program exposes {name}"))?;
        let all: Labels =
            TARGET.iter().copied().chain(known.keys().map(String::as_str)).map(String::from).collect();
        for Matcher { op, name: label, value } in
            selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten())
        {
            has(&all, [label], name)?;
            let is_value = known.get(label).is_none_or(|values| values.contains(value));
            if matches!(op, MatchOp::Equal | MatchOp::NotEqual) && !is_value {
                return Err(format!("{label} of {name} is never {value}"));
            }
        }
        Ok(all)
    }

    fn aggregated(&self, aggregate: &AggregateExpr) -> Result<Labels, String> {
        let inner = self.given(&aggregate.expr)?;
        let Some(modifier) = &aggregate.modifier else { return Ok(Labels::new()) };
        let named = &modifier.labels().labels;
        has(&inner, named, &aggregate.expr)?;
        Ok(match modifier {
            LabelModifier::Include(_) => named.iter().cloned().collect(),
            LabelModifier::Exclude(_) => inner.into_iter().filter(|label| !named.contains(label)).collect(),
        })
    }

    fn joined(&self, binary: &BinaryExpr) -> Result<Labels, String> {
        let (left, right) = (self.given(&binary.lhs)?, self.given(&binary.rhs)?);
        let matching = binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
        if let Some(modifier) = matching {
            has(&left, &modifier.labels().labels, &binary.lhs)?;
            has(&right, &modifier.labels().labels, &binary.rhs)?;
        }
        match binary.op.to_string().as_str() {
            "or" => Ok(left.intersection(&right).cloned().collect()),
            _ if binary.op.is_set_operator() => Ok(left),
            _ if binary.op.is_comparison_operator() && matching.is_none() => Ok(left),
            _ => Err(format!("teach this test which labels {binary} has")),
        }
    }

    fn called(&self, call: &Call) -> Result<Labels, String> {
        let inner: Vec<Labels> =
            call.args.args.iter().map(|one| self.given(one)).collect::<Result<_, _>>()?;
        match (call.func.name, inner.as_slice()) {
            ("rate" | "increase", [range]) => Ok(range.clone()),
            ("vector", _) => Ok(Labels::new()),
            ("histogram_quantile", [_, buckets]) => {
                has(buckets, ["le"], call)?;
                Ok(buckets.iter().filter(|label| *label != "le").cloned().collect())
            }
            (name, _) => Err(format!("teach this test which labels {name} leaves")),
        }
    }
}

/// `a="b"`
fn of_a_label(text: &str) -> (String, String) {
    let (label, value) = text.split_once('=').unwrap();
    (label.to_owned(), value.trim_matches('"').to_owned())
}

fn has(
    there: &Labels,
    named: impl IntoIterator<Item = impl AsRef<str>>,
    what: impl std::fmt::Display,
) -> Result<(), String> {
    match named.into_iter().find(|label| !there.contains(label.as_ref())) {
        Some(label) => Err(format!("{what} has no label {}", label.as_ref())),
        None => Ok(()),
    }
}
