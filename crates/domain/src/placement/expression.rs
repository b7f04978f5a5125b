//! What somebody looks for beyond what a typed filter can say: an expression in CEL (Common Expression Language,
//! <https://cel.dev>) over what is told of a placement.
//!
//! **Invariant.** What an expression costs is bounded by its length: it has no loops, no regular expressions, and calls
//! nothing but what [`FUNCTIONS`] lists.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};
use cel::{Context, Env, ParseErrors, Program, Value};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::Placement;
use crate::refusal::Refusal;

/// The longest expression, in characters.
pub const EXPRESSION_MAX: usize = 1_000;

/// What an expression can name: the parts of a [`Placement`], under its names. What a placement does not have is `null`,
/// and of what is compared with it nothing comes through.
pub const NAMES: [&str; 13] = [
    "offer",
    "territory",
    "commune",
    "kind",
    "category",
    "persons",
    "typology",
    "admits",
    "rent",
    "provider",
    "reserved_for",
    "labelled",
    "available_from",
];

/// What an expression can call, besides operators.
pub const FUNCTIONS: [&str; 4] = ["size", "startsWith", "endsWith", "contains"];

/// Operators, as CEL calls them.
const OPERATORS: [&str; 17] = [
    "_?_:_", "_&&_", "_||_", "!_", "_-_", "_+_", "_*_", "_/_", "_%_", "_==_", "_!=_", "_>=_", "_<=_", "_>_",
    "_<_", "-_", "@in",
];

/// What is known without being asked for: types, operators, functions.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// An expression that says yes or no to a placement. It is kept as it was written and read once, when it is first asked; a
/// clone asks the same reading.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Expression {
    source: String,
    program: Arc<OnceLock<Option<Program>>>,
}

impl From<String> for Expression {
    fn from(source: String) -> Self {
        Self { source, program: Arc::default() }
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.source
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

impl JsonSchema for Expression {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "minLength": 1,
            "maxLength": EXPRESSION_MAX,
            "description": format!(
                "In CEL, over {}; with the operators of CEL and {}. Yes lets a placement through.",
                NAMES.join(", "), FUNCTIONS.join(", ")
            ),
            "examples": ["persons >= 3 && rent <= 60000", "commune in ['33063', '33281'] || admits.wheelchair"]
        })
    }
}

impl Expression {
    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it says yes to the placement. What it cannot say of a placement that lacks what it asks about is no.
    #[must_use]
    pub fn fit(&self, placement: &Placement) -> bool {
        let program = self.program.get_or_init(|| compiled(&self.source).ok());
        program.as_ref().is_some_and(|program| program.execute(&seen(placement)) == Ok(Value::Bool(true)))
    }

    /// Refuses what is no expression, or names or calls what there is not.
    ///
    /// # Errors
    /// [`Refusal`] `filter-expression`, which says where and what to do.
    pub fn check(&self) -> Result<(), Refusal> {
        compiled(&self.source)
            .map(drop)
            .map_err(|sentence| Refusal::invalid("filter-expression", "placement", sentence))
    }
}

/// The expression, ready to be asked; else a sentence that says what is wrong with it.
fn compiled(source: &str) -> Result<Program, String> {
    let length = source.chars().count();
    if !(1..=EXPRESSION_MAX).contains(&length) {
        return Err(format!(
            "Une expression compte de 1 à {EXPRESSION_MAX} caractères ; celle-ci en compte {length}."
        ));
    }
    let program = LANGUAGE.compile(source).map_err(|errors| misread(&errors))?;
    if repeats(program.expression()) {
        return Err("Une expression ne parcourt pas de liste (all, exists, map, filter) : écrivez « valeur in liste ».".to_owned());
    }
    let references = program.references();
    let named = references.variables().into_iter().find(|name| !NAMES.contains(name));
    if let Some(name) = named {
        return Err(format!("L'expression nomme « {name} » ; elle peut nommer : {}.", NAMES.join(", ")));
    }
    let called = references
        .functions()
        .into_iter()
        .find(|name| !FUNCTIONS.contains(name) && !OPERATORS.contains(name));
    match called {
        Some(name) => {
            Err(format!("L'expression appelle « {name} » ; elle peut appeler : {}.", FUNCTIONS.join(", ")))
        }
        None => Ok(program),
    }
}

/// Where the expression cannot be read.
fn misread(errors: &ParseErrors) -> String {
    let at = errors.errors.first().map_or((1, 1), |error| error.pos);
    format!(
        "L'expression ne se lit pas à partir de la ligne {}, caractère {} : vérifiez la syntaxe CEL.",
        at.0,
        at.1 + 1
    )
}

/// Whether something in it is done for each item of a list.
fn repeats(expression: &IdedExpr) -> bool {
    let entry = |entry: &IdedEntryExpr| match &entry.expr {
        EntryExpr::StructField(field) => repeats(&field.value),
        EntryExpr::MapEntry(entry) => repeats(&entry.key) || repeats(&entry.value),
    };
    match &expression.expr {
        Expr::Comprehension(_) => true,
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => false,
        Expr::Call(call) => call.target.iter().any(|target| repeats(target)) || call.args.iter().any(repeats),
        Expr::List(list) => list.elements.iter().any(repeats),
        Expr::Select(select) => repeats(&select.operand),
        Expr::Map(map) => map.entries.iter().any(entry),
        Expr::Struct(of) => of.entries.iter().any(entry),
    }
}

/// A placement as an expression sees it, under [`NAMES`].
fn seen(is: &Placement) -> Context<'static, 'static> {
    let mut context = Context::with_env(LANGUAGE.clone());
    // As others are told of it; of what cannot be written nothing would be known, and nothing would come through.
    let told = serde_json::to_value(is).unwrap_or_default();
    for name in NAMES {
        context.add_variable_from_value(name, told.get(name).map_or(Value::Null, value));
    }
    context
}

/// A value of JSON as CEL knows it. Whole numbers are all of one type, so that they can be reckoned with each other.
fn value(of: &Json) -> Value {
    match of {
        Json::Null => Value::Null,
        Json::Bool(is) => Value::Bool(*is),
        Json::Number(number) => number.as_i64().map_or(Value::Null, Value::Int),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(value).collect())),
        Json::Object(fields) => {
            let fields: HashMap<&str, Value> =
                fields.iter().map(|(name, field)| (name.as_str(), value(field))).collect();
            Value::Map(fields.into())
        }
    }
}
