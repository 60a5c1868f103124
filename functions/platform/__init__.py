"""Platform: health, the API's own description, background jobs, and the chores every domain relies on."""
