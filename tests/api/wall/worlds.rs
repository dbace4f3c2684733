//! What another tenant may have: the same as the first under the same ids, nothing at all, or something between.

use sqlx::{AssertSqlSafe, Executor, PgConnection};

use super::TENANT;

/// Who asks in the first one's place. Like the first one's name it stands nowhere else.
pub const OTHER: &str = "tenant-two";

/// What the other tenant has.
#[derive(Debug, Clone, Copy)]
pub enum World {
    /// Nothing: it has not even been heard of.
    Empty,
    /// All that the first has, under the same ids, but with other words and at other times.
    Twin,
    /// The same, of a time when most of what was sent had still to be done.
    Before,
    /// The same people in the same conversations, and nothing was ever said.
    Silent,
    /// The same, and nobody was ever in it.
    Deserted,
    /// The same, and nobody was ever erased, or said something else before.
    Spared,
    /// Some of that, with other horizons, positions and choices: whoever looks only whether there is a row is seen too.
    Ragged(u8),
}

impl World {
    pub const ALL: [Self; 9] = [
        Self::Empty,
        Self::Twin,
        Self::Before,
        Self::Silent,
        Self::Deserted,
        Self::Spared,
        Self::Ragged(1),
        Self::Ragged(2),
        Self::Ragged(4),
    ];

    /// A column of the other's row, made of the first's, `t`.
    fn column(self, table: &Table, column: &Column) -> String {
        let name = &column.name;
        let drawn = |of: u8| self.draw(table, name, of);
        match (self, &*column.kind) {
            _ if name == "tenant_id" => format!("'{OTHER}'"),
            (_, "text") if ["name", "subject", "content"].contains(&&**name) => {
                format!("t.{name} || ' of two'")
            }
            (_, "timestamp with time zone") => format!("t.{name} + '1 s'::interval"),
            (Self::Spared, _) if name == "is_erased" => "false".to_owned(),
            (Self::Spared, _) if name == "erased_position" => "null".to_owned(),
            (Self::Ragged(_), "boolean") => format!("t.{name} <> ({} = 0)", drawn(2)),
            (Self::Ragged(_), "bigint") => {
                let drawn = drawn(3);
                format!(
                    "case {drawn} when 0 then -t.{name} when 1 then t.{name} + 1000000 else t.{name} end"
                )
            }
            _ => format!("t.{name}"),
        }
    }

    /// SQL for a number below `of`, drawn for each row. By its words alone: ids, times and positions are others in each run,
    /// and what one run catches the next one must.
    fn draw(self, table: &Table, what: &str, of: u8) -> String {
        let seed = match self {
            Self::Ragged(seed) => seed,
            _ => 0,
        };
        let is_word = |column: &&Column| column.kind == "text" || column.name == "seq";
        let words = table.columns.iter().filter(is_word);
        let words: Vec<_> = words.map(|column| format!("t.{}", column.name)).collect();
        let words = words.join(", ");
        format!("abs(hashtextextended(concat_ws('|', '{what}', {words}), {seed}) % {of})")
    }

    /// Which of the first's rows the other has too.
    fn condition(self, table: &Table) -> String {
        match self {
            Self::Empty => "false".to_owned(),
            Self::Twin | Self::Before => "true".to_owned(),
            Self::Deserted => (table.name != "members").to_string(),
            Self::Silent => (!["messages", "events"].contains(&&*table.name)).to_string(),
            Self::Spared => (!["erasures", "revisions"].contains(&&*table.name)).to_string(),
            Self::Ragged(_) => format!("{} > 0", self.draw(table, "", 4)),
        }
    }
}

/// Nobody has left and nothing is read: what goes one way only can go it again.
const BEFORE: [&str; 5] = [
    "insert into revisions select tenant_id, id, changed_position, 'said before', '[]', '{}', deleted_at, sender_id
       from messages where deleted_at is not null on conflict do nothing",
    "update users set claims_iat = 0",
    "update notifications set read_at = null, deleted_at = null",
    "update conversations set last_position = 0, deleted_position = null",
    "update members m set left_position = null, read_up_to = 0, shown_up_to = 0, delivered_up_to = 0
      where joined_position = (select max(joined_position) from members n where n.tenant_id = m.tenant_id
                                  and n.conversation_id = m.conversation_id and n.user_id = m.user_id)",
];

/// The tables that hold somebody's rows.
pub struct Tables(Vec<Table>);

struct Table {
    name: String,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    kind: String,
}

impl Tables {
    pub async fn read(connection: &mut PgConnection) -> Self {
        let sql = "select table_name::text, column_name::text, data_type::text from information_schema.columns c
                    where table_schema = 'public' and exists (
                        select from information_schema.columns t where t.table_schema = 'public'
                           and t.table_name = c.table_name and t.column_name = 'tenant_id')
                    order by table_name, ordinal_position";
        let rows: Vec<(String, String, String)> = sqlx::query_as(sql)
            .fetch_all(connection)
            .await
            .expect("columns");
        let mut tables: Vec<Table> = Vec::new();
        for (table, name, kind) in rows {
            if tables.last().is_none_or(|last| last.name != table) {
                tables.push(Table {
                    name: table,
                    columns: Vec::new(),
                });
            }
            let last = tables.last_mut().expect("just pushed");
            last.columns.push(Column { name, kind });
        }
        assert!(tables.len() >= 11, "the schema is where it is looked for");
        Self(tables)
    }

    /// Whether a statement names one of them.
    pub fn are_in(&self, text: &str) -> bool {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| self.0.iter().any(|table| table.name == word))
    }

    /// Gives the other tenant what it has in this world.
    pub async fn fill(&self, world: World, connection: &mut PgConnection) {
        let is_before = match world {
            World::Empty | World::Before => true,
            World::Ragged(seed) => seed % 2 == 0,
            World::Twin | World::Silent | World::Deserted | World::Spared => false,
        };
        for sql in BEFORE.into_iter().filter(|_| is_before) {
            run(connection, sql.to_owned()).await;
        }
        for table in &self.0 {
            let Table { name, columns } = table;
            let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
            let values: Vec<_> = columns
                .iter()
                .map(|column| world.column(table, column))
                .collect();
            let sql = format!(
                "insert into {name} ({}) select {} from {name} t where tenant_id = '{TENANT}' and {} on conflict do nothing",
                names.join(", "),
                values.join(", "),
                world.condition(table),
            );
            run(connection, sql).await;
        }
    }

    /// As if there had never been a first one.
    pub async fn forget_the_first(&self, connection: &mut PgConnection) {
        for table in &self.0 {
            run(
                connection,
                format!("delete from {} where tenant_id = '{TENANT}'", table.name),
            )
            .await;
        }
    }

    /// SQL for one row of two texts, which are others when a row of the first one, or of anybody else, is another.
    pub fn digest(&self) -> String {
        let digest = |row: &str, condition: &str| {
            let of = |table: &Table| {
                let name = &table.name;
                format!(
                    "(select count(*) || ':' || coalesce(sum(hashtextextended({row}, 0)), 0) from {name} t where {condition})"
                )
            };
            let all: Vec<_> = self.0.iter().map(of).collect();
            format!("concat_ws(' ', {})", all.join(", "))
        };
        // A row that is written as it was is written: it has another place.
        let first = digest("t::text || t.ctid", &format!("tenant_id = '{TENANT}'"));
        let rest = digest("t::text", &format!("tenant_id <> '{TENANT}'"));
        format!("select {first}, {rest}")
    }
}

pub async fn run(connection: &mut PgConnection, sql: String) {
    let done = connection
        .execute(sqlx::raw_sql(AssertSqlSafe(sql.clone())))
        .await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}
