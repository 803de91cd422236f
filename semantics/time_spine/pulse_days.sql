-- One row per day. dbt wants a time spine beside a semantic model; a project that has one leaves this folder out.
{{ config(materialized='table') }}

with

days as (

    {{ dbt.date_spine('day', "cast('2015-01-01' as date)", "cast('2041-01-01' as date)") }}

)

select cast(date_day as date) as date_day from days
