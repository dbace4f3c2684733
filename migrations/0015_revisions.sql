-- Who replaced which texts: a person's export reads them in this order, a page at a time.
create index revisions_replaced_by on revisions (tenant_id, replaced_by, message_id, position);
