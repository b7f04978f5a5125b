//! A filter as it stands in a query: `offer=place,dwelling&territory=33&rent_max=64000`.

use domain::calendar::Day;
use domain::money::Money;
use domain::placement::{Expression, Wants};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use service::Problem;
use service::openapi::{Operation, Schema};
use service::problem::Kind;

/// What is asked for, as it was written: lists are separated by commas.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    pub(super) after: Option<u64>,
    pub(super) days: Option<u16>,
    offer: Option<String>,
    territory: Option<String>,
    commune: Option<String>,
    kind: Option<String>,
    category: Option<String>,
    persons_min: Option<u8>,
    persons_max: Option<u8>,
    rent_max: Option<Money>,
    wheelchair: Option<bool>,
    step_free: Option<bool>,
    available_by: Option<Day>,
    labelled: Option<bool>,
    expression: Option<String>,
}

impl Asked {
    /// The filter.
    ///
    /// # Errors
    /// [`Problem`] `malformed-query`, which names the parameter; the refusal of a filter that lets nothing through.
    pub(super) fn wants(&self) -> Result<Wants, Problem> {
        let mut wants = Map::new();
        for (parameter, field, list) in [
            ("offer", "offers", &self.offer),
            ("territory", "territories", &self.territory),
            ("commune", "communes", &self.commune),
            ("kind", "kinds", &self.kind),
            ("category", "categories", &self.category),
        ] {
            let Some(list) = list else { continue };
            let values: Vec<&str> =
                list.split(',').map(str::trim).filter(|value| !value.is_empty()).collect();
            // Each list is read by itself, so that the refusal names it.
            let alone = json!({ field: values });
            serde_json::from_value::<Wants>(alone).map_err(|_| malformed(parameter))?;
            wants.insert(field.to_owned(), json!(values));
        }
        let mut wants = serde_json::from_value::<Wants>(Value::Object(wants)).map_err(Problem::internal)?;
        (wants.persons_min, wants.persons_max) = (self.persons_min, self.persons_max);
        (wants.rent_max, wants.available_by) = (self.rent_max, self.available_by);
        wants.wheelchair = self.wheelchair.unwrap_or_default();
        wants.step_free = self.step_free.unwrap_or_default();
        wants.labelled = self.labelled.unwrap_or_default();
        wants.expression = self.expression.clone().map(Expression::from);
        wants
            .check()
            .map_err(|refusal| Problem::refused_always(refusal.code, refusal.rule, refusal.sentence))?;
        Ok(wants)
    }
}

fn malformed(parameter: &'static str) -> Problem {
    Problem::new(Kind::MalformedQuery)
        .detail(format!("{parameter} must be values of its closed list, separated by commas"))
        .member("parameter", parameter)
}

/// The operation with the parameters of a filter.
pub(super) fn filtered(operation: Operation) -> Operation {
    operation
        .query_parameter("offer", Schema::Text, "Of these sorts: place,dwelling,household.")
        .query_parameter("territory", Schema::Text, "In these départements: 33,40.")
        .query_parameter("commune", Schema::Text, "In these communes, by their INSEE codes.")
        .query_parameter("kind", Schema::Text, "In these kinds of structures: chrs,social_residence…")
        .query_parameter("category", Schema::Text, "Of these categories: t2,t3…")
        .query_parameter("persons_min", Schema::Count, "For so many persons at least.")
        .query_parameter("persons_max", Schema::Count, "For so many persons at most.")
        .query_parameter("rent_max", Schema::Count, "For at most so many cents a month.")
        .query_parameter("wheelchair", Schema::Flag, "Where a wheelchair can enter and turn.")
        .query_parameter("step_free", Schema::Flag, "On the ground floor or with a lift.")
        .query_parameter("available_by", Schema::Day, "To be had on this day at the latest.")
        .query_parameter("labelled", Schema::Flag, "Of households, those with a priority label that stands.")
        .query_parameter(
            "expression",
            Schema::Text,
            "For which this says yes, in CEL, beyond what is before.",
        )
}
