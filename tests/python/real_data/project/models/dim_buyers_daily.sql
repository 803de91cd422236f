{#- State of every customer at the end of each day, from invoice lines. Net of cancellations in value; only real purchases count as orders. -#}
{{ config(materialized='table') }}

with

lines as (

    select
        cast(customer_id as integer) as customer_id,
        invoice,
        cast(invoice_ts as date) as ordered_on,
        country,
        quantity * unit_price as amount,
        not is_cancel and quantity > 0 and unit_price > 0 as is_purchase
    from read_parquet('{{ env_var("PULSE_REAL_ORDERS") }}')
    where customer_id is not null

),

customers as (

    select customer_id, min(country) as country, min(ordered_on) as first_order_on
    from lines
    where is_purchase
    group by customer_id

),

daily as (

    select
        customer_id,
        ordered_on,
        count(distinct invoice) filter (where is_purchase) as orders,
        sum(amount) as amount
    from lines
    group by customer_id, ordered_on

),

days as (

    select cast(unnest(generate_series(date '2009-12-01', date '2010-12-09', interval 1 day)) as date) as snapshot_date

),

grid as (

    select
        customers.*,
        days.snapshot_date,
        coalesce(daily.orders, 0) as orders_today,
        coalesce(daily.amount, 0) as amount_today,
        case when daily.orders > 0 then days.snapshot_date end as ordered_today
    from customers
    inner join days on days.snapshot_date >= customers.first_order_on
    left join daily on daily.customer_id = customers.customer_id and daily.ordered_on = days.snapshot_date

),

state as (

    select
        customer_id,
        snapshot_date,
        country,
        first_order_on,
        max(ordered_today) over so_far as last_order_on,
        sum(orders_today) over so_far as orders,
        round(sum(amount_today) over so_far, 2) as ltv,
        round(sum(amount_today) over (so_far rows between 29 preceding and current row), 2) as spend_30d,
        round(sum(amount_today) over (so_far rows between 89 preceding and current row), 2) as spend_90d
    from grid
    window so_far as (partition by customer_id order by snapshot_date)

)

select * from state
where snapshot_date >= '2010-02-28'
order by snapshot_date, customer_id
