DROP TABLE source_grant;
