//! Whether a JSON value is what its OpenAPI schema says, and nothing besides. It knows the keywords our description
//! uses and stops at any other, so that none is passed over in silence.

use serde_json::Value;

pub struct Schemas<'d> {
    /// The whole description.
    pub document: &'d Value,
}

impl<'d> Schemas<'d> {
    /// The schema of one answer; the test ends when it is not documented.
    pub fn of_answer(&self, method: &str, path: &str, status: u16, kind: &str) -> &'d Value {
        let response = &self.document["paths"][path][method]["responses"][status.to_string()];
        let schema = &response["content"][kind]["schema"];
        assert!(
            schema.is_object(),
            "{method} {path} {status} {kind} is not documented"
        );
        schema
    }

    pub fn named(&self, name: &str) -> &'d Value {
        let schema = &self.document["components"]["schemas"][name];
        assert!(schema.is_object(), "{name}");
        schema
    }

    /// Everything in which `value` differs from `schema`.
    pub fn differences(&self, schema: &'d Value, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.check(schema, value, "", &mut found);
        self.unknown(schema, value, &mut found);
        found
    }

    fn resolve(&self, schema: &'d Value) -> &'d Value {
        match schema["$ref"].as_str() {
            Some(name) => self.named(name.trim_start_matches("#/components/schemas/")),
            None => schema,
        }
    }

    fn check(&self, schema: &'d Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let schema = self.resolve(schema);
        for (keyword, rule) in schema.as_object().expect("a schema") {
            let fits = match keyword.as_str() {
                "description" | "example" | "title" | "default" => true,
                "type" => is_type(rule, value),
                "enum" => rule.as_array().expect("a list").contains(value),
                "const" => rule == value,
                "minimum" => value
                    .as_f64()
                    .is_none_or(|number| Some(number) >= rule.as_f64()),
                "minLength" => value
                    .as_str()
                    .is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap_or(0)),
                "maxLength" => value
                    .as_str()
                    .is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap_or(0)),
                "maxItems" => value
                    .as_array()
                    .is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap_or(0)),
                "format" => is_format(rule.as_str().expect("a name"), value),
                "required" => value.as_object().is_none_or(|object| {
                    rule.as_array()
                        .expect("a list")
                        .iter()
                        .all(|name| object.contains_key(name.as_str().expect("a name")))
                }),
                "properties" => {
                    for (name, schema) in rule.as_object().expect("an object") {
                        if let Some(value) = value.get(name) {
                            self.check(schema, value, &format!("{at}/{name}"), found);
                            self.unknown_at(schema, value, &format!("{at}/{name}"), found);
                        }
                    }
                    true
                }
                "items" => {
                    for (i, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, value, &format!("{at}/{i}"), found);
                        self.unknown_at(rule, value, &format!("{at}/{i}"), found);
                    }
                    true
                }
                "allOf" => {
                    for schema in rule.as_array().expect("a list") {
                        self.check(schema, value, at, found);
                    }
                    true
                }
                // No field besides those described: held of every object below, said or not.
                "additionalProperties" => rule == false,
                "oneOf" => self.fitting(rule, value).len() == 1,
                other => panic!("{at}: this check does not know {other}"),
            };
            if !fits {
                found.push(format!("{at}: {keyword} {rule}, and it is {value}"));
            }
        }
    }

    /// The alternatives of a `oneOf` that a value is.
    fn fitting(&self, alternatives: &'d Value, value: &Value) -> Vec<&'d Value> {
        let alternatives = alternatives.as_array().expect("a list").iter();
        alternatives
            .filter(|schema| self.differences(schema, value).is_empty())
            .collect()
    }

    fn unknown(&self, schema: &'d Value, value: &Value, found: &mut Vec<String>) {
        self.unknown_at(schema, value, "", found);
    }

    /// Fields that are given and not described. Objects without any described field are the client's own.
    fn unknown_at(&self, schema: &'d Value, value: &Value, at: &str, found: &mut Vec<String>) {
        let (Some(object), Some(known)) = (value.as_object(), self.properties(schema, value))
        else {
            return;
        };
        let unknown = object.keys().filter(|name| !known.contains(name));
        found.extend(unknown.map(|name| format!("{at}/{name} is not described")));
    }

    fn properties(&self, schema: &'d Value, value: &Value) -> Option<Vec<&'d String>> {
        let schema = self.resolve(schema);
        let mut names: Option<Vec<&'d String>> = schema["properties"]
            .as_object()
            .map(|map| map.keys().collect());
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let chosen = schema
            .get("oneOf")
            .map(|list| self.fitting(list, value))
            .unwrap_or_default();
        for part in parts.chain(chosen) {
            if let Some(more) = self.properties(part, value) {
                names.get_or_insert_default().extend(more);
            }
        }
        names
    }
}

fn is_type(rule: &Value, value: &Value) -> bool {
    if let Some(several) = rule.as_array() {
        return several.iter().any(|one| is_type(one, value));
    }
    match rule.as_str().expect("a type") {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("an unknown type: {other}"),
    }
}

fn is_format(name: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return true;
    };
    match name {
        "uuid" => uuid::Uuid::try_parse(text).is_ok(),
        "date-time" => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        _ => true,
    }
}
