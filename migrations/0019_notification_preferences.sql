-- What a person wants to be told, how and when. No row: everything, at any time. Whether they want e-mails at all stands in
-- `users`, where the link in an e-mail turns them off.
create table notification_preferences (
    tenant_id  text not null,
    user_id    text not null,
    -- IANA's name. Null: the tenant's.
    time_zone  text,
    language   text,
    -- Minutes after midnight, by the person's own clock. Both or none.
    quiet_from smallint,
    quiet_to   smallint,
    in_app     boolean not null default true,
    -- [{type, inApp, email}]: what of a type is not wanted.
    types      jsonb not null default '[]',
    constraint notification_preferences_pkey primary key (tenant_id, user_id),
    constraint notification_preferences_user foreign key (tenant_id, user_id) references users (tenant_id, id)
);
