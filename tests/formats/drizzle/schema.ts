import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

const columns = { id: integer("id").primaryKey(), body: text("body").notNull() };
export const notes = sqliteTable("notes", columns, (table) => [index("notes_body").on(table.body)]);
