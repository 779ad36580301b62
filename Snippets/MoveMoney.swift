// SQL whose values are parameters, on SQLite here and on PostgreSQL by another line.

import Database

// PostgresDatabase(url: "postgres://…") is the other line.
let database: any Database = try SQLiteDatabase(.memory)

try await migrate(
    database,
    [Migration(version: 1, name: "accounts", sqlite: "CREATE TABLE accounts (name TEXT PRIMARY KEY, balance BIGINT NOT NULL CHECK (balance >= 0))")])
try await database.execute("INSERT INTO accounts VALUES ('till', 100), ('safe', 0)")

// Both or neither. A conflict with another transaction runs it again.
let amount: Int64 = 30
try await database.withTransaction { transaction in
    try await transaction.execute("UPDATE accounts SET balance = balance - \(amount) WHERE name = \("till")")
    try await transaction.execute("UPDATE accounts SET balance = balance + \(amount) WHERE name = \("safe")")
}

for row in try await database.query("SELECT name, balance FROM accounts ORDER BY name") {
    print(try row.decode("name", as: String.self), try row.decode("balance", as: Int64.self))
}
await database.shutdown()
