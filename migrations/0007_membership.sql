-- Leaving, archiving, closing, deleting for all; and of each horizon what others are shown of it.
alter table conversations
    -- Deleted for all: every interval ends here, and nothing finds it any more.
    add column deleted_position bigint;

alter table members
    -- Archived up to this `seq`: back with a newer message.
    add column archived_up_to  bigint,
    -- The horizon that others see. It stays behind where receipts are off, or go to the reader's own devices only.
    add column shown_up_to     bigint not null default 0,
    add column shown_at        timestamptz,
    -- When a receipt moved the horizon last: the next one waits a second.
    add column receipt_at      timestamptz,
    -- What has reached a device of this member. Of PRIVATE conversations only.
    add column delivered_up_to bigint not null default 0,
    add column delivered_at    timestamptz;
update members set shown_up_to = read_up_to, shown_at = read_at;
