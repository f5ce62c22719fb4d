DROP TABLE subgraph;
