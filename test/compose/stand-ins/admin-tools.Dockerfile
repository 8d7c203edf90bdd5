# Stands in for temporalio/admin-tools: the two of its programs that deploy/temporal/setup.sh calls, and the schemas.
FROM localhost/debian:bookworm-slim
RUN useradd --uid 1000 --create-home temporal
COPY bin/temporal bin/temporal-sql-tool /usr/local/bin/
COPY schema /etc/temporal/schema
USER temporal
CMD ["sleep", "infinity"]
