UPDATE threads SET settings = json_set(settings, '$.stars', (SELECT count(*) FROM messages WHERE thread_id = threads.id));
--> statement-breakpoint
UPDATE messages SET role = 'system' WHERE iif(json_valid(body), body ->> '$.kind', '') = 'system';
