"""The platform in containers: what `Dockerfile` and `docker-compose.yml` need besides the services."""
